package desired

import (
	"context"
	"errors"
	"slices"

	"poolctl/backend/driver"
	"poolctl/backend/host"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// A Session compares the machine with a set of definitions. Its fields do not change while it runs.
type Session struct {
	Driver *driver.Driver
	Set    *Set

	Delete   bool     // delete volumes that should be absent
	Restart  bool     // restart pools that run with an older definition
	Adopt    bool     // take over pools that another set, or none, manages
	Rebuild  []string // pools whose storage may be built a second time
	FailFast bool     // stop at the first failure
	// Prune is the set whose pools are removed if they are no longer declared; empty: none.
	Prune string
	// CacheDir returns the directory for downloads until the volume is complete. Only Apply calls it.
	CacheDir func() (string, error)

	// Progress prepares the display of progress for one volume. It may be nil.
	Progress func() (progress host.Progress, done func())
	// Report is called with the changes of each pool and each volume that differs.
	Report func([]*Change)

	apply    bool
	entries  map[string]*store.Entry // Diff: as they were at the beginning
	listings map[string]*listing     // Diff: of active pools
	runs     map[string]*run         // of the pools so far
}

// errFailed ends a session that is to stop at the first failure.
var errFailed = errors.New("a change has failed")

// Diff reports what Apply would change.
func (s *Session) Diff(ctx context.Context) error {
	if err := s.prefetch(ctx); err != nil {
		return err
	}
	return s.run(ctx)
}

// Apply makes the machine as the set says, and reports what it changes. Failures are reported with the
// changes. The error says why Apply has done nothing, or has stopped.
func (s *Session) Apply(ctx context.Context) error {
	s.apply = true
	for _, check := range []func(context.Context) error{s.checkIdentity, s.checkSecrets} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	if err := s.run(ctx); !errors.Is(err, errFailed) {
		return err
	}
	return nil
}

// run handles what is to be removed, then all pools and volumes in the order in which they need each other.
func (s *Session) run(ctx context.Context) error {
	s.runs = map[string]*run{}
	if s.Prune != "" {
		if err := s.prune(ctx); err != nil {
			return err
		}
	}
	for rest := s.Set.nodes; len(rest) > 0; {
		n := rest[0]
		if n.volume == nil {
			if err := s.handlePool(ctx, n); err != nil {
				return err
			}
			rest = rest[1:]
			continue
		}
		end := slices.IndexFunc(rest, func(m *node) bool { return m.volume == nil || m.pool != n.pool })
		if end < 0 {
			end = len(rest)
		}
		if err := s.handleVolumes(ctx, rest[:end]); err != nil {
			return err
		}
		rest = rest[end:]
	}
	return ctx.Err()
}

// report reports the changes of a node. It returns an error if the session is to stop.
func (s *Session) report(ctx context.Context, n *node, changes []*Change) error {
	failed := slices.ContainsFunc(changes, func(c *Change) bool {
		return c.Err != nil && !errors.Is(c.Err, ErrPending)
	})
	if n != nil {
		n.failed = n.failed || failed
	}
	if len(changes) > 0 {
		s.Report(changes)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case failed && s.FailFast && s.apply:
		return errFailed
	}
	return nil
}

// failedNeed returns the error for a node of which a node that it needs has failed, or nil.
func failedNeed(n *node) error {
	for _, needed := range n.needs {
		if needed.failed {
			return &NeedsError{needed.String()}
		}
	}
	return nil
}

// needsPending reports whether a node needs one that does not exist yet.
func needsPending(n *node) bool {
	return slices.ContainsFunc(n.needs, func(needed *node) bool { return needed.pending })
}

// handlePool compares one pool and, in Apply, changes it. The volumes of a pool that should stop are compared
// first, while it is active.
func (s *Session) handlePool(ctx context.Context, n *node) error {
	r, err := s.newRun(ctx, n)
	s.runs[n.pool.Pool.Name] = r
	if err == nil {
		err = failedNeed(n)
	}
	if err != nil {
		r.add(&Change{Action: Compare, Err: err})
		return s.report(ctx, n, r.changes)
	}
	if volumes := s.Set.volumesOf(n); n.pool.stops() && r.status.Active && volumes != nil {
		if err := s.compareVolumes(ctx, volumes); err != nil {
			return err
		}
	}
	defer r.release()
	for _, stage := range []func(*run, context.Context) []step{
		(*run).definition, (*run).storage, (*run).restart, (*run).activity, (*run).permissions, (*run).autostart,
	} {
		if !r.handle(ctx, stage) {
			break
		}
	}
	return s.report(ctx, n, r.changes)
}

// entry returns what the store has of a pool; nil if it has nothing.
func (s *Session) entry(name string) (*store.Entry, error) {
	if !s.apply {
		entry := s.entries[name]
		if entry != nil {
			return entry, entry.Err
		}
		return nil, nil
	}
	entry, err := s.Driver.Store.Load(name)
	if errors.Is(err, store.ErrNoPool) {
		return nil, nil
	}
	return entry, err
}

// Check checks what the documents say beyond their form: whether the backends can use each definition, and
// whether two of them are about the same storage.
func (s *Session) Check() error {
	var problems pooldef.Problems
	for _, p := range s.Set.Pools {
		err := s.Driver.CheckDefinition(p.Pool)
		found := pooldef.ProblemsIn(p.File, err)
		if err != nil && found == nil {
			found = pooldef.Problems{{File: p.File, Text: err.Error()}}
		}
		for i := range found {
			found[i].Line = max(found[i].Line, p.Line)
		}
		problems = append(problems, found...)
	}
	if problems != nil {
		return problems
	}
	return s.checkConflicts()
}
