package disk

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Delete implements backend.Deleter. Deleting a logical partition renumbers those after it, as always with a
// dos label, so none of them may be in use.
func (b *Backend) Delete(ctx context.Context, p *pooldef.Pool, name string) error {
	return b.withLockedTable(ctx, p, func(t *table) error {
		x, err := t.byName(name)
		if err != nil {
			return err
		}
		going := []partition{*x}
		var inside []string
		for _, other := range t.partitions {
			if other.kind != logical {
				continue
			}
			inside = append(inside, t.name(other.number))
			if x.kind == logical && other.number > x.number {
				going = append(going, other)
			}
		}
		if x.kind == extended && inside != nil {
			return &backend.StateError{
				Text: "it contains logical partitions, which would be deleted too: " + strings.Join(inside, ", "),
			}
		}
		if err := b.checkNotInUse(t, going...); err != nil {
			return err
		}
		return b.commit(ctx, remove(t, x))
	})
}

// Resize implements backend.Resizer. A partition can grow into the free space directly after it. grow zeroes
// this space first, because it may contain old data. An encrypted volume is larger by its LUKS header.
func (b *Backend) Resize(
	ctx context.Context, p *pooldef.Pool, name string, size uint64, o backend.ResizeOptions,
) error {
	return b.withLockedTable(ctx, p, func(t *table) error {
		x, err := t.byName(name)
		if err != nil {
			return err
		}
		header, err := b.headerSize(t, x)
		if err != nil {
			return err
		}
		old, room := x.end-x.start, t.maxSize(x)
		most := room - min(header, room) // a guest can write a header into a partition that is too small for one
		rounded := max(t.alignUp(size+header), t.alignment)
		switch {
		case backend.HasSize(old, size, rounded):
			return nil
		case size > most:
			return &backend.StateError{
				Text: fmt.Sprintf("%d bytes are free after it: it can grow to at most %d", room-old, most),
			}
		case size < old && x.kind == extended:
			return &backend.UnsupportedError{Type: p.Type, What: "shrinking an extended partition"}
		}
		if err := o.CheckShrink(old, rounded); err != nil {
			return err
		}
		if err := b.checkNotInUse(t, *x); err != nil {
			return err
		}
		if rounded < old {
			return b.commit(ctx, resize(t, x, rounded))
		}
		return b.grow(ctx, t, x, rounded)
	})
}

// headerSize returns the size of a partition's LUKS header. An extended partition has none.
func (b *Backend) headerSize(t *table, x *partition) (uint64, error) {
	if x.kind == extended {
		return 0, nil
	}
	return b.HeaderSize(t.partition(x.number))
}

func (b *Backend) grow(ctx context.Context, t *table, x *partition, size uint64) error {
	end := x.start + size
	if x.kind != extended {
		err := b.withTempPartition(
			ctx, t, x.end, end, func(path string) error { return b.Host.Change(ctx, host.Zero{Path: path}) },
		)
		if err != nil {
			return err
		}
	}
	err := b.commit(ctx, resize(t, x, size))
	if err != nil {
		err = errors.Join(err, b.shrinkBack(context.WithoutCancel(ctx), t, x))
	}
	return err
}

// maxSize returns the maximum size of a partition in bytes: its size and the free space directly after it.
func (t *table) maxSize(x *partition) uint64 {
	most := x.end - x.start
	for _, e := range t.free {
		if e.start == x.end && e.isLogical == (x.kind == logical) {
			most = max(most, (e.end-x.start)/t.alignment*t.alignment)
		}
	}
	return most
}

// resize returns the command that moves a partition's end. parted shrinks a partition only after a
// confirmation, and in a script the answer is always no. So the command imitates a terminal and answers yes.
func resize(t *table, x *partition, size uint64) host.Command {
	args := []string{"resizepart", fmt.Sprint(x.number), fmt.Sprintf("%dB", x.start+size-1)}
	if size > x.end-x.start {
		return parted(t.device, args...)
	}
	c := host.Cmd(
		"parted", append([]string{"---pretend-input-tty", "--align", "none", "--", t.path}, args...)...,
	)
	c.Stdin = "Yes"
	return c
}

// shrinkBack undoes an extension that took effect.
func (b *Backend) shrinkBack(ctx context.Context, planned *table, x *partition) error {
	t, err := b.read(ctx, planned.device)
	if err != nil {
		return err
	}
	if now := t.byNumber(x.number); now != nil && now.end > x.end {
		return b.Host.Change(ctx, resize(t, now, x.end-x.start))
	}
	return nil
}
