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

// marks are the names of volumes, and of snapshots, that are being made. They are never listed, and no volume can have one.
var tempNames = host.TempNames{Prefix: ".poolctl-"}

// A newVolume is a volume that is being made: under a name that nobody lists. It gets its own when it is whole.
type newVolume struct {
	*Backend
	pool  *pooldef.Pool
	l     *listing
	stage string
}

func (b *Backend) newStage(p *pooldef.Pool, l *listing) *newVolume {
	return &newVolume{b, p, l, tempNames.New()}
}

// withTempName makes a volume. create is zfs create with all but a name; fill may be nil.
func (b *Backend) withTempName(ctx context.Context, p *pooldef.Pool, l *listing, d *pooldef.Volume, create []string, fill func(path string) error) error {
	m := b.newStage(p, l)
	defer tempNames.Release(m.stage)
	err := b.change(ctx, p, zfs(append(create, "--", key(p, m.stage))...))
	if err == nil && fill != nil {
		if err = b.await(ctx, p, m.stage, l.volmode); err == nil {
			err = fill(path(p, m.stage))
		}
	}
	return m.finish(ctx, d.Name, err, "")
}

// finish gives a volume its name, unless there was an error: then it goes, and the snapshot that was made for it.
func (m *newVolume) finish(ctx context.Context, name string, err error, snapshot string) error {
	made := err == nil
	if made {
		err = m.change(ctx, m.pool, rename(m.pool, m.stage, name))
	}
	if err == nil {
		_ = m.await(ctx, m.pool, name, m.l.volmode) // what is made is made
		return nil
	}
	exists := host.StderrContains(err, "dataset already exists")
	if exists {
		err = mapErrExist(m.pool, name)
	}
	return errors.Join(m.translateError(err), m.remove(context.WithoutCancel(ctx), name, made && !exists, snapshot))
}

// translateError says how much room there is, where ZFS has said that it is too little.
func (m *newVolume) translateError(err error) error { return noRoom(err, m.l) }

func noRoom(err error, l *listing) error {
	if !host.StderrContains(err, "out of space", "size is greater than available space") {
		return err
	}
	return &backend.StateError{Text: fmt.Sprintf("there is not enough room: the dataset %q has %d bytes available", l.name, l.available)}
}

// remove removes what there is of a volume; if it may have been renamed, also under its name.
func (m *newVolume) remove(ctx context.Context, name string, renamed bool, snapshot string) error {
	l, err := m.list(ctx, m.pool)
	if err != nil {
		return err
	}
	switch {
	case l.child(m.stage) != nil:
		err = m.Host.Change(ctx, destroy(m.pool, m.stage))
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

// destroy is the command that removes a volume. udev may be having a look at what is on it.
func destroy(p *pooldef.Pool, name string) host.Command {
	c := zfs("destroy", "--", key(p, name))
	c.RetryOn = "dataset is busy"
	return c
}

// RemoveStale implements backend.StaleRemover: volumes that were being made, and the snapshots for them. One that goes with a volume stays.
func (b *Backend) RemoveStale(ctx context.Context, p *pooldef.Pool) ([]string, error) {
	name, err := dataset(p)
	if err != nil {
		return nil, err
	}
	out, err := b.ask(ctx, name, host.Cmd("zfs", "list", "-H", "-d", "2", "-t", "volume,snapshot", "-o", "name,defer_destroy", "--", name))
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
		if host.StderrContains(err, "could not find any snapshots", "dataset does not exist") { // it has gone with its clone
			err = nil
		}
		if err != nil {
			return swept, err
		}
		swept = append(swept, left)
	}
	return swept, err
}

// change lets ZFS change something, as long as it answers: a zpool whose devices have failed meanwhile does not.
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
		return usable(p.Source.Name)
	}
	return err
}
