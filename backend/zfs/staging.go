package zfs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// tempNames generates the temporary names of incomplete volumes and of the snapshots for them. Listings omit
// them, and no other volume can have such a name.
var tempNames = host.TempNames{Prefix: ".poolctl-"}

// withStaging creates a volume under a temporary name, and renames the volume when it is complete. l is the
// listing before. If base is not "", create also makes a snapshot of the volume base with the temporary name,
// which withStaging removes on error.
func (b *Backend) withStaging(
	ctx context.Context, p *pooldef.Pool, l *listing, name, base string, create func(temp string) error,
) error {
	translate := func(err error) error {
		if host.StderrContains(err, "dataset already exists") {
			return existError(p, name)
		}
		return translateNoSpace(err, l)
	}
	err := backend.Staging{
		Names:  &tempNames,
		Create: func(temp string) error { return translate(create(temp)) },
		Rename: func(temp string) error { return translate(b.change(ctx, p, rename(p, temp, name))) },
		Remove: func(ctx context.Context, temp string, maybeRenamed bool) error {
			if !maybeRenamed {
				return b.removeStaged(ctx, p, base, temp)
			}
			return b.removeStaged(ctx, p, base, temp, name)
		},
	}.Run(ctx)
	if err == nil {
		_ = b.await(ctx, p, name, l.volmode) // the volume is complete
	}
	return err
}

// createBlank returns a function that creates the volume d. fill writes the data, and may be nil.
func (b *Backend) createBlank(
	ctx context.Context, p *pooldef.Pool, l *listing, d *pooldef.Volume, fill func(path string) error,
) func(temp string) error {
	return func(temp string) error {
		err := b.change(ctx, p, zfs(append(blank(d), "--", key(p, temp))...))
		if err != nil || fill == nil {
			return err
		}
		if err := b.await(ctx, p, temp, l.volmode); err != nil {
			return err
		}
		return fill(path(p, temp))
	}
}

// translateNoSpace adds the available space to ZFS's errors about insufficient space.
func translateNoSpace(err error, l *listing) error {
	if !host.StderrContains(err, "out of space", "size is greater than available space") {
		return err
	}
	return &backend.StateError{
		Text: fmt.Sprintf("not enough space: the dataset %q has %d bytes available", l.name, l.available),
	}
}

// removeStaged removes an incomplete volume, which has one of the names, of which the first is the temporary
// name, and the snapshot for it of the volume base, unless base is "".
func (b *Backend) removeStaged(ctx context.Context, p *pooldef.Pool, base string, names ...string) error {
	l, err := b.list(ctx, p)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(names, func(name string) bool { return l.child(name) != nil }); i >= 0 {
		err = b.Host.Change(ctx, destroy(p, names[i]))
	}
	if base != "" {
		gone := b.Host.Change(ctx, zfs("destroy", "--", key(p, base)+"@"+names[0]))
		if !host.StderrContains(gone, "could not find any snapshots", "dataset does not exist") {
			err = errors.Join(err, gone)
		}
	}
	return err
}

func rename(p *pooldef.Pool, name, newName string) host.Step {
	return zfs("rename", "--", key(p, name), key(p, newName))
}

// destroy returns the command that removes a volume. It retries, because udev may have the volume open
// briefly.
func destroy(p *pooldef.Pool, name string) host.Command {
	c := zfs("destroy", "--", key(p, name))
	c.RetryOn = "dataset is busy"
	return c
}

// RemoveStale implements backend.StaleRemover. It removes incomplete volumes and their snapshots. A snapshot
// that will disappear with its clone stays.
func (b *Backend) RemoveStale(ctx context.Context, p *pooldef.Pool) ([]string, error) {
	name, err := dataset(p)
	if err != nil {
		return nil, err
	}
	out, err := b.query(
		ctx, name,
		host.Cmd("zfs", "list", "-H", "-d", "2", "-t", "volume,snapshot", "-o", "name,defer_destroy", "--", name),
	)
	if err != nil {
		return nil, err
	}
	var removed []string
	for line := range strings.Lines(string(out)) {
		left, deferred, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !isIn(name, left) {
			return removed, &backend.AnswerError{Tool: tool, Field: "name", Text: left}
		}
		if deferred == "on" || !tempNames.IsStale(left[strings.LastIndexAny(left, "/@")+1:]) {
			continue
		}
		c := zfs("destroy", "--", left)
		c.RetryOn = "dataset is busy"
		err := b.change(ctx, p, c)
		// it disappeared with its clone
		if host.StderrContains(err, "could not find any snapshots", "dataset does not exist") {
			err = nil
		}
		if err != nil {
			return removed, err
		}
		removed = append(removed, left)
	}
	return removed, err
}

// change applies a step. It cancels the step if the zpool is suspended, because ZFS then never answers.
func (b *Backend) change(ctx context.Context, p *pooldef.Pool, s host.Step) error {
	err := b.Host.Change(ctx, host.Watched{
		Step: s, Interval: min(time.Second, b.timeout),
		Lost: func(d host.Devices) bool { return stateOf(d, p.Source.Name) == suspended },
	})
	if err != nil && ctx.Err() == nil && stateOf(b.Host, p.Source.Name) == suspended {
		return b.checkUsable(p.Source.Name)
	}
	return err
}
