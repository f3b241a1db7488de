package driver

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"poolctl/backend"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// A Status is a pool with its state at the time of the query.
type Status struct {
	Entry  *store.Entry
	Pool   *pooldef.Pool // the definition in effect
	Active bool
	Err    error // why the state cannot be determined; nil if it can
	space  func() (pooldef.Space, error)
}

// Status queries the state of a pool.
func (d *Driver) Status(ctx context.Context, entry *store.Entry) Status {
	s := Status{Entry: entry, Pool: entry.Current()}
	s.Active, s.Err = d.active(ctx, entry)
	s.space = sync.OnceValues(func() (pooldef.Space, error) {
		return d.space(ctx, d.Backends[s.Pool.Type], s.Pool)
	})
	return s
}

// Statuses queries the state of all pools at once, and the sizes of the active pools that isSized selects
// (nil: none), so that Space returns without delay. The sizes of a pool do not wait for the state of another,
// so that servers which do not answer take one timeout together.
func (d *Driver) Statuses(
	ctx context.Context, entries []*store.Entry, isSized func(*Status) bool,
) []Status {
	return InParallel(entries, func(entry *store.Entry) Status { return d.sizedStatus(ctx, entry, isSized) })
}

// StatusesInParts is Statuses with the results in parts (InParts): pools on servers that do not answer for a
// tenth of the timeout (one to three seconds) come after the others. On a busy machine, all are in order.
func (d *Driver) StatusesInParts(
	ctx context.Context, entries []*store.Entry, isSized func(*Status) bool,
) iter.Seq[[]Status] {
	silence := min(max(d.Timeout/10, time.Second), 3*time.Second)
	query := func(entry *store.Entry) Status { return d.sizedStatus(ctx, entry, isSized) }
	return InParts(entries, silence, query)
}

// sizedStatus queries the state of a pool, and its sizes if it is active and isSized selects it.
func (d *Driver) sizedStatus(ctx context.Context, entry *store.Entry, isSized func(*Status) bool) Status {
	s := d.Status(ctx, entry)
	if isSized != nil && s.Active && isSized(&s) {
		_, _ = s.space()
	}
	return s
}

// IsPersistent reports whether the pool has a definition in the config directory.
func (s *Status) IsPersistent() bool { return s.Entry.File != "" }

// Space returns the sizes of an active pool. The first call queries them.
func (s *Status) Space() (*pooldef.Space, error) {
	if !s.Active {
		return nil, &InactiveError{Pool: s.Pool.Name}
	}
	space, err := s.space()
	return &space, err
}

// QuerySpace queries the sizes of all pools at once, so that Space returns without delay.
func QuerySpace(pools []Status) {
	InParallel(pools, func(s Status) error {
		_, err := s.Space()
		return err
	})
}

// Definition returns the definition in effect or, if inactive is set, the one that takes effect at the next
// start.
func (s *Status) Definition(inactive bool) *pooldef.Pool {
	if inactive && s.Entry.Persistent != nil {
		return s.Entry.Persistent
	}
	return s.Pool
}

// ReadStatus returns an active pool's definition with what its backend sees on the machine, such as
// permissions and free extents.
func (d *Driver) ReadStatus(ctx context.Context, p *pooldef.Pool) (*pooldef.Pool, error) {
	reader, ok := d.Backends[p.Type].(backend.StatusReader)
	if !ok {
		return p, nil
	}
	return ask(ctx, d, p, func() (*pooldef.Pool, error) { return reader.ReadStatus(ctx, p) })
}

// active reports whether a pool is active. For types whose start changes the machine, the pool is active when
// the change is visible, with or without a run record. Pools of other types need a run record, and their
// storage. A pool whose definition cannot be used is inactive.
func (d *Driver) active(ctx context.Context, entry *store.Entry) (bool, error) {
	return d.activeWithin(ctx, ctx, entry)
}

// activeWithin is active with a context of its own, limit, for the backend.
func (d *Driver) activeWithin(ctx, limit context.Context, entry *store.Entry) (bool, error) {
	p := entry.Current()
	b, ok := d.Backends[p.Type]
	if !ok {
		return false, nil
	}
	if _, starts := b.(backend.Starter); !starts && entry.Started == nil {
		return false, nil
	}
	active, err := ask(ctx, d, p, func() (bool, error) { return b.Active(limit, p) })
	if _, ok := errors.AsType[pooldef.Problems](err); ok {
		return false, ctx.Err()
	}
	return active, err
}

// space returns the sizes of an active pool.
func (d *Driver) space(ctx context.Context, b backend.Backend, p *pooldef.Pool) (pooldef.Space, error) {
	return ask(ctx, d, p, func() (pooldef.Space, error) { return b.Space(ctx, p) })
}
