package desired

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"poolctl/backend"
	"poolctl/backend/driver"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// A listing is an active pool with its volumes by name.
type listing struct {
	status  driver.Status
	volumes map[string]*pooldef.Volume
	err     error
}

// handleVolumes compares declared volumes of one pool and, in Apply, makes them as they should be. While it
// works, the pool's lock is shared, so that listings need not wait for the data of a new volume; other
// applies wait.
func (s *Session) handleVolumes(ctx context.Context, nodes []*node) error {
	r := s.runs[nodes[0].pool.Pool.Name]
	active := r.status.Active
	switch {
	case r.node.failed:
		for _, n := range nodes {
			n.failed = true
		}
		return nil
	case r.want.stops(): // handlePool has compared them
		return nil
	case s.isPlanned(r):
		return s.planVolumes(ctx, r, nodes)
	case s.apply:
		entry, err := s.Driver.Store.Load(r.p.Name)
		if err != nil {
			return s.failVolumes(ctx, nodes, err)
		}
		status := s.Driver.Status(ctx, entry)
		if active = status.Active; status.Err != nil {
			return s.failVolumes(ctx, nodes, status.Err)
		}
	}
	if !active {
		return s.postpone(ctx, r)
	}
	return s.compareVolumes(ctx, nodes)
}

// postpone reports, once, that the volumes of a pool that is not active cannot be compared.
func (s *Session) postpone(ctx context.Context, r *run) error {
	if r.postponed {
		return nil
	}
	r.postponed = true
	text := fmt.Sprintf("%d to compare, once the pool is active", len(r.want.Volumes))
	return s.report(ctx, nil, []*Change{{Pool: r.p.Name, Action: Compare, Field: "volumes", To: text}})
}

// isPlanned reports whether a pool is active only after the changes that are shown, but not made.
func (s *Session) isPlanned(r *run) bool {
	return r.isRehearsal() && !r.status.Active && r.node.pending
}

// planVolumes reports the volumes of a pool whose storage is going to be built. What is in storage that
// exists, or may exist, is not known before the pool is active.
func (s *Session) planVolumes(ctx context.Context, r *run, nodes []*node) error {
	for _, n := range nodes {
		n.pending = !n.volume.Absent
	}
	if !r.unbuilt {
		return s.postpone(ctx, r)
	}
	for _, n := range nodes {
		if n.volume.Absent {
			continue
		}
		c := &Change{Pool: r.p.Name, Volume: n.volume.Name, Action: Create, To: describe(n.volume)}
		if s.apply {
			c.Err = ErrPending
		}
		if err := s.report(ctx, nil, []*Change{c}); err != nil {
			return err
		}
	}
	return nil
}

// failVolumes reports that the volumes of a pool cannot be compared.
func (s *Session) failVolumes(ctx context.Context, nodes []*node, err error) error {
	for _, n := range nodes {
		n.failed = true
	}
	c := &Change{Pool: nodes[0].pool.Pool.Name, Action: Compare, Field: "volumes", Err: err}
	return s.report(ctx, nodes[0], []*Change{c})
}

// compareVolumes is handleVolumes for an active pool.
func (s *Session) compareVolumes(ctx context.Context, nodes []*node) error {
	found, lent := s.listings[nodes[0].pool.Pool.Name], &lentPool{Session: s, ctx: ctx}
	if s.apply {
		entry, b, unlock, err := s.lend(ctx, nodes[0].pool.Pool.Name)
		defer unlock()
		if err != nil {
			return s.failVolumes(ctx, nodes, err)
		}
		lent.entry, lent.b = entry, b
		found = s.list(ctx, driver.Status{Entry: entry, Pool: entry.Current(), Active: true})
	} else {
		lent.entry, lent.b = found.status.Entry, s.Driver.Backends[found.status.Pool.Type]
	}
	if found.err != nil {
		return s.failVolumes(ctx, nodes, found.err)
	}
	for _, n := range nodes {
		step := lent.compare(n, found.volumes[n.volume.Name])
		for _, c := range step.changes {
			c.Pool, c.Volume = n.pool.Pool.Name, n.volume.Name
		}
		if err := lent.do(n, step); err != nil {
			return err
		}
	}
	return nil
}

// lend locks an active pool for work on its volumes: shared, but exclusive among processes that apply.
func (s *Session) lend(
	ctx context.Context, name string,
) (entry *store.Entry, b backend.Backend, unlock func(), err error) {
	unlockApply, err := s.Driver.LockApply(ctx, name)
	if err != nil {
		return nil, nil, func() {}, err
	}
	entry, b, unlockPool, err := s.Driver.ActivePool(ctx, name)
	return entry, b, func() { unlockPool(); unlockApply() }, err
}

// list lists the volumes of an active pool.
func (s *Session) list(ctx context.Context, status driver.Status) *listing {
	l := &listing{status: status, volumes: map[string]*pooldef.Volume{}}
	for v, err := range s.Driver.Details(ctx, s.Driver.Backends[status.Pool.Type], status.Pool) {
		if err != nil {
			l.err = err
			break
		}
		l.volumes[v.Name] = v
	}
	return l
}

// A lentPool is an active pool while its volumes are handled.
type lentPool struct {
	*Session
	ctx   context.Context
	entry *store.Entry
	b     backend.Backend
}

// pool returns the definition in effect.
func (l *lentPool) pool() *pooldef.Pool { return l.entry.Current() }

// do makes the changes of a step and reports them.
func (l *lentPool) do(n *node, s step) error {
	if err := failedNeed(n); err != nil && s.do != nil {
		s.changes[0].Err = err
	} else if l.apply && s.do != nil {
		err := s.do(l.ctx)
		for _, c := range s.changes {
			c.Done, c.Err = err == nil, err
		}
	}
	return l.report(l.ctx, n, s.changes)
}

// create makes a volume. If another process was faster and made the same one, create succeeds.
func (l *lentPool) create(ctx context.Context, n *node) error {
	if l.Driver.DryRun && needsPending(n) {
		return ErrPending
	}
	v := *n.volume.Volume // the definition is completed
	err := l.make(ctx, n.volume, &v)
	if errors.Is(err, fs.ErrExist) {
		if has, hasErr := l.Driver.HasVolume(ctx, l.b, l.pool(), &v, n.volume.Source != nil); has || hasErr != nil {
			err = hasErr
		}
	}
	return err
}
