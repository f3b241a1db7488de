package desired

import (
	"context"
	"errors"
	"slices"

	"poolctl/backend"
	"poolctl/backend/driver"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// A run is the work on one declared pool.
type run struct {
	*Session
	node *node
	want *Pool
	p    *pooldef.Pool // the wanted definition, with a uuid

	entry   *store.Entry // the pool as it is, or as it is going to be defined
	status  driver.Status
	isNew   bool             // the pool has no definition
	unbuilt bool             // its storage does not exist yet
	held    *driver.HeldPool // nil: nothing has been changed

	postponed bool // it was reported that the volumes cannot be compared yet
	changes   []*Change
}

// A step is a difference, and what makes it good.
type step struct {
	changes []*Change
	do      func(ctx context.Context) error // nil: the changes are only reported
	stop    bool                            // after these changes, nothing else can be compared
}

// newRun reads the state of a pool. The run is never nil.
func (s *Session) newRun(ctx context.Context, n *node) (*run, error) {
	r := &run{Session: s, node: n, want: n.pool}
	entry, err := s.entry(n.pool.Pool.Name)
	p := *n.pool.Pool
	if r.p = &p; p.UUID == "" && entry != nil && entry.Current() != nil {
		p.UUID = entry.Current().UUID
	}
	if err != nil {
		return r, err
	}
	if r.isNew = entry == nil || entry.Persistent == nil; r.isNew {
		planned := &store.Entry{Name: p.Name, Persistent: &p}
		if entry != nil {
			planned.Started, planned.ByLibvirt = entry.Started, entry.ByLibvirt
		}
		entry = planned
	}
	return r, r.setEntry(ctx, entry)
}

// setEntry sets the state of the pool.
func (r *run) setEntry(ctx context.Context, entry *store.Entry) error {
	r.entry = entry
	if found := r.listings[entry.Name]; found != nil {
		r.status = found.status
	} else {
		r.status = r.Driver.Status(ctx, entry)
	}
	if r.status.Err != nil && r.isRehearsal() && needsPending(r.node) { // what it is in is going to be there
		r.status.Err, r.status.Active = nil, false
	}
	return r.status.Err
}

func (r *run) release() {
	if r.held != nil {
		r.held.Release()
	}
}

// add adds changes of the pool.
func (r *run) add(changes ...*Change) {
	for _, c := range changes {
		c.Pool = r.p.Name
	}
	r.changes = append(r.changes, changes...)
}

// handle compares one part of the pool and, in Apply, changes it. It returns false if the rest of the pool
// cannot be handled.
func (r *run) handle(ctx context.Context, stage func(*run, context.Context) []step) bool {
	steps := stage(r, ctx)
	does := slices.ContainsFunc(steps, func(s step) bool { return s.do != nil })
	if does && r.apply && r.held == nil && !r.defines(steps) {
		if err := r.hold(ctx); err != nil {
			r.add(&Change{Action: Compare, Err: err})
			return false
		}
		steps = stage(r, ctx) // another process may have been at work
	}
	for _, s := range steps {
		r.add(s.changes...)
		if r.apply && s.do != nil {
			err := s.do(ctx)
			if err == nil && r.held != nil && !r.Driver.DryRun {
				err = r.setEntry(ctx, r.held.Entry)
			}
			for _, c := range s.changes {
				c.Done, c.Err = err == nil, err
				err = nil // one report is enough
			}
		}
		if s.stop || slices.ContainsFunc(s.changes, func(c *Change) bool { return c.Err != nil }) {
			return false
		}
	}
	return ctx.Err() == nil
}

// defines reports whether the first step writes the definition, which locks the pool itself.
func (r *run) defines(steps []step) bool {
	return len(steps) > 0 && steps[0].do != nil &&
		slices.Contains([]string{Define, Redefine, Adopt}, steps[0].changes[0].Action)
}

// hold locks the pool and reads its state again.
func (r *run) hold(ctx context.Context) (err error) {
	if r.held, err = r.Driver.HoldPool(ctx, r.p.Name); err != nil {
		return err
	}
	return r.setEntry(ctx, r.held.Entry)
}

// write writes the definition, and keeps the pool locked.
func (r *run) write(ctx context.Context) (err error) {
	r.held, err = r.Driver.DefineAndHold(ctx, r.p, r.want.YAML)
	if err == nil && r.Driver.DryRun {
		r.entry = r.held.Entry
	}
	return err
}

// storage compares whether the pool's storage exists.
func (r *run) storage(ctx context.Context) []step {
	if !r.want.State.Built || r.status.Active {
		return nil
	}
	mark, err := r.Driver.Store.BuiltMark(r.p.Name)
	if err != nil {
		return []step{{changes: []*Change{{Action: Build, Err: err}}}}
	}
	built, err := r.Driver.IsBuilt(ctx, r.p)
	change := &Change{Action: Build, To: "built"}
	switch {
	case mark != nil && mark.Done && needsPending(r.node): // it is in another pool that is going to be active
		return nil
	case err != nil && needsPending(r.node): // what it needs is going to be built, too
	case err != nil:
		change.Err = err
		return []step{{changes: []*Change{change}}}
	case built && (mark == nil || mark.Done):
		return nil
	case !built && mark != nil && mark.Done && !slices.Contains(r.Rebuild, r.p.Name):
		change.Err = &GoneError{r.p.Name, mark.Set}
		return []step{{changes: []*Change{change}}}
	}
	r.unbuilt, r.node.pending = true, r.isRehearsal()
	return []step{{changes: []*Change{change}, do: r.build}}
}

// build builds the pool, and marks it before and after that: an interrupted build may be repeated.
func (r *run) build(ctx context.Context) error {
	if r.Driver.DryRun && needsPending(r.node) {
		return ErrPending
	}
	marks := r.Driver.Store
	if err := marks.MarkBuilt(r.p.Name, store.BuiltMark{Set: r.want.Set}); err != nil {
		return err
	}
	if err := r.held.Build(ctx, backend.BuildOptions{IfMissing: true, FormatBlank: true}); err != nil {
		return err
	}
	return marks.MarkBuilt(r.p.Name, store.BuiltMark{Set: r.want.Set, Done: true})
}

// ErrPending reports that a dry run cannot show a step, because what it needs does not exist yet.
var ErrPending = errors.New("what it needs does not exist yet, so a dry run cannot show how it is made")

// isRehearsal reports whether nothing is changed.
func (r *run) isRehearsal() bool { return !r.apply || r.Driver.DryRun }

// activity compares whether the pool is active.
func (r *run) activity(ctx context.Context) []step {
	want := r.want.State.Active
	if want == nil || *want == r.status.Active {
		return nil
	}
	c := &Change{Action: Stop, Field: "state", From: "active", To: "inactive"}
	if !*want {
		return []step{{changes: []*Change{c}, do: func(ctx context.Context) error { return r.held.Stop(ctx) }}}
	}
	c.Action, c.From, c.To = Start, c.To, c.From
	r.node.pending = r.isRehearsal()
	return []step{{changes: []*Change{c}, do: func(ctx context.Context) error {
		if r.Driver.DryRun && needsPending(r.node) {
			return ErrPending
		}
		err := r.held.Start(ctx, r.want.Set)
		if err != nil && r.Driver.DryRun && r.unbuilt {
			return ErrPending
		}
		return err
	}}}
}

// autostart compares whether the pool starts at boot.
func (r *run) autostart(context.Context) []step {
	want := r.want.State.Autostart
	if want == nil || *want == r.entry.Autostart {
		return nil
	}
	words := map[bool]string{true: "yes", false: "no"}
	c := &Change{Action: Autostart, Field: "autostart", From: words[!*want], To: words[*want]}
	return []step{{changes: []*Change{c}, do: func(context.Context) error { return r.held.SetAutostart(*want) }}}
}
