package zfs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// tempNames generates the temporary names of incomplete volumes and of the snapshots for them. Listings omit
// them, and no other volume can have such a name.
var tempNames = host.TempNames{Prefix: ".poolctl-"}

// A newVolume is an incomplete volume, which has a temporary name.
type newVolume struct {
	*Backend
	pool     *pooldef.Pool
	l        *listing
	tempName string
}

func (b *Backend) newVolume(p *pooldef.Pool, l *listing) *newVolume {
	return &newVolume{b, p, l, tempNames.New()}
}

// withTempName creates a volume under a temporary name, and renames the volume when it is complete. create
// holds the arguments of zfs create without a name. fill writes the data, and may be nil.
func (b *Backend) withTempName(
	ctx context.Context, p *pooldef.Pool, l *listing, d *pooldef.Volume, create []string,
	fill func(path string) error,
) error {
	m := b.newVolume(p, l)
	defer tempNames.Release(m.tempName)
	err := b.change(ctx, p, zfs(append(create, "--", key(p, m.tempName))...))
	if err == nil && fill != nil {
		if err = b.await(ctx, p, m.tempName, l.volmode); err == nil {
			err = fill(path(p, m.tempName))
		}
	}
	return m.finish(ctx, d.Name, err, "")
}

// finish renames a volume to its final name. If err is not nil or the rename fails, finish removes the volume
// and its snapshot.
func (m *newVolume) finish(ctx context.Context, name string, err error, snapshot string) error {
	made := err == nil
	if made {
		err = m.change(ctx, m.pool, rename(m.pool, m.tempName, name))
	}
	if err == nil {
		_ = m.await(ctx, m.pool, name, m.l.volmode) // the volume is complete
		return nil
	}
	exists := host.StderrContains(err, "dataset already exists")
	if exists {
		err = existError(m.pool, name)
	}
	return errors.Join(
		m.translateError(err), m.remove(context.WithoutCancel(ctx), name, made && !exists, snapshot),
	)
}

// translateError adds the available space to ZFS's errors about insufficient space.
func (m *newVolume) translateError(err error) error { return translateNoSpace(err, m.l) }

func translateNoSpace(err error, l *listing) error {
	if !host.StderrContains(err, "out of space", "size is greater than available space") {
		return err
	}
	return &backend.StateError{
		Text: fmt.Sprintf("there is not enough room: the dataset %q has %d bytes available", l.name, l.available),
	}
}

// remove removes an incomplete volume. If renamed is true, it also looks under the final name.
func (m *newVolume) remove(ctx context.Context, name string, renamed bool, snapshot string) error {
	l, err := m.list(ctx, m.pool)
	if err != nil {
		return err
	}
	switch {
	case l.child(m.tempName) != nil:
		err = m.Host.Change(ctx, destroy(m.pool, m.tempName))
	case renamed && l.child(name) != nil:
		err = m.Host.Change(ctx, destroy(m.pool, name))
	}
	if snapshot != "" {
		gone := m.Host.Change(ctx, zfs("destroy", "--", snapshot))
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

// Sweep implements backend.Sweeper. It removes incomplete volumes and their snapshots. A snapshot that will
// disappear with its clone stays.
func (b *Backend) Sweep(ctx context.Context, p *pooldef.Pool) ([]string, error) {
	name, err := dataset(p)
	if err != nil {
		return nil, err
	}
	out, err := b.ask(
		ctx, name,
		host.Cmd("zfs", "list", "-H", "-d", "2", "-t", "volume,snapshot", "-o", "name,defer_destroy", "--", name),
	)
	if err != nil {
		return nil, err
	}
	var swept []string
	for line := range strings.Lines(string(out)) {
		left, deferred, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !isIn(name, left) {
			return swept, &backend.AnswerError{Tool: tool, Field: "name", Text: left}
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
			return swept, err
		}
		swept = append(swept, left)
	}
	return swept, err
}

// change applies a step. It cancels the step if the zpool is suspended, because ZFS then never answers.
func (b *Backend) change(ctx context.Context, p *pooldef.Pool, s host.Step) error {
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	watch := time.NewTicker(min(time.Second, b.timeout))
	defer watch.Stop()
	go func() {
		for limited.Err() == nil {
			select {
			case <-limited.Done():
			case <-watch.C:
				if kernelState(p.Source.Name) == suspended {
					cancel()
				}
			}
		}
	}()
	err := b.Host.Change(limited, s)
	if err != nil && ctx.Err() == nil && stateOf(p.Source.Name) == suspended {
		return checkUsable(p.Source.Name)
	}
	return err
}
