package desired

import (
	"context"
	"slices"

	"poolctl/backend/driver"
	"poolctl/pooldef/store"
)

// prune removes the pools of the set Prune that are no longer declared, or reports them: a definition that
// Apply wrote, or what it started from a file of the config directory that is gone. Their data stay.
func (s *Session) prune(ctx context.Context) error {
	entries, err := s.Driver.Store.All()
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e *store.Entry) bool {
		return e.Err != nil || e.ByLibvirt || s.Set.Find(e.Name) != nil || e.Current().ManagedBy != s.Prune ||
			e.Persistent != nil && e.Persistent.ManagedBy != s.Prune
	})
	for _, entry := range innerFirst(entries) {
		status := s.Driver.Status(ctx, entry)
		c := &Change{Pool: entry.Name, Action: Undefine, From: "defined", Err: status.Err}
		switch {
		case entry.Persistent == nil:
			c.From = "transient"
		case status.Active:
			c.From = "active"
		}
		if s.apply && c.Err == nil {
			c.Err = s.remove(ctx, entry.Name)
			c.Done = c.Err == nil
		}
		if err := s.report(ctx, nil, []*Change{c}); err != nil {
			return err
		}
	}
	return nil
}

// remove stops and undefines a pool, unless it no longer belongs to the set.
func (s *Session) remove(ctx context.Context, name string) error {
	h, err := s.Driver.HoldPool(ctx, name)
	if err != nil {
		return err
	}
	defer h.Release()
	if set := h.Current().ManagedBy; set != s.Prune {
		return &ForeignError{set}
	}
	persistent := h.Persistent != nil
	if status := s.Driver.Status(ctx, h.Entry); status.Active || h.Started != nil {
		if err := h.Stop(ctx); err != nil {
			return err
		}
	}
	if persistent {
		return h.Undefine(ctx)
	}
	return s.Driver.Store.RemoveBuilt(name)
}

// innerFirst sorts pools so that a pool whose target lies in that of another one comes first.
func innerFirst(entries []*store.Entry) []*store.Entry {
	slices.SortStableFunc(entries, func(a, b *store.Entry) int {
		return len(b.Current().Target.Path) - len(a.Current().Target.Path)
	})
	return entries
}

// prefetch reads the state of all pools, and the volumes of the declared ones, at once.
func (s *Session) prefetch(ctx context.Context) error {
	entries, err := s.Driver.Store.All()
	if err != nil {
		return err
	}
	s.entries, s.listings = map[string]*store.Entry{}, map[string]*listing{}
	var declared []*store.Entry
	for _, entry := range entries {
		s.entries[entry.Name] = entry
		if entry.Err == nil && s.Set.Find(entry.Name) != nil {
			declared = append(declared, entry)
		}
	}
	list := func(status driver.Status) *listing {
		if !status.Active || status.Err != nil || len(s.Set.Find(status.Entry.Name).Volumes) == 0 {
			return &listing{status: status}
		}
		return s.list(ctx, status)
	}
	for _, found := range driver.InParallel(s.Driver.Statuses(ctx, declared, nil), list) {
		s.listings[found.status.Entry.Name] = found
	}
	return nil
}
