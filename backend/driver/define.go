package driver

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"poolctl/backend"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// Define stores a definition that conflicts with no other. yaml is the document if it is YAML, otherwise nil.
func (d *Driver) Define(ctx context.Context, p *pooldef.Pool, yaml []byte) error {
	return d.admit(ctx, p, false, func() error { return d.Store.Define(p, yaml) })
}

// UpdateDefinition is Define, except that a definition without a uuid takes that of the pool with its name.
// If the pool has this definition already, UpdateDefinition changes nothing.
func (d *Driver) UpdateDefinition(
	ctx context.Context, p *pooldef.Pool, yaml []byte,
) (changed bool, err error) {
	entry, _ := d.Store.Load(p.Name) // an error is the same again below
	if now := entry.Current(); p.UUID == "" && now != nil {
		p.UUID = now.UUID
	}
	err = d.admit(ctx, p, false, func() error {
		same, err := d.Store.IsDefined(p, yaml)
		if same || err != nil {
			return err
		}
		changed = true
		return d.Store.Define(p, yaml)
	})
	return changed, err
}

// Redefine replaces the definition of a pool, which may be one that cannot be used. before is the document
// that the change is based on: if the stored one differs by now, Redefine returns a [pooldef.ConflictError].
func (d *Driver) Redefine(
	ctx context.Context, entry *store.Entry, before []byte, p *pooldef.Pool, yaml []byte,
) error {
	switch {
	case p.Name != entry.Name:
		text := "an edit cannot rename a pool: poolctl pool-rename does"
		return pooldef.Problems{{Element: "name", Text: text}}
	case p.UUID == "" && entry.Persistent != nil:
		p.UUID = entry.Persistent.UUID
	}
	if yaml == nil && entry.Persistent != nil { // the document that was edited does not show the mark
		p.ManagedBy = entry.Persistent.ManagedBy
	}
	return d.admit(ctx, p, true, func() error {
		now, err := d.Store.Source(entry)
		switch {
		case err != nil:
			return err
		case !bytes.Equal(now, before):
			return &pooldef.ConflictError{Text: "the definition was changed by somebody else meanwhile"}
		}
		return d.Store.Define(p, yaml)
	})
}

// CreatePool starts a transient pool, or starts a persistent pool with another definition until it is
// stopped.
func (d *Driver) CreatePool(ctx context.Context, p *pooldef.Pool, o StartOptions) error {
	err := d.admit(ctx, p, false, func() error {
		entry, err := d.Store.Load(p.Name)
		if err == nil {
			if err := d.checkInactive(ctx, entry); err != nil {
				return err
			}
		}
		return d.start(ctx, p, entry.Started, o)
	})
	if notReady, ok := errors.AsType[*backend.NotReadyError](err); ok && notReady.Build {
		return &backend.StateError{Text: err.Error(), Hint: "--build creates it"}
	}
	return err
}

// admit checks that a definition can be used and conflicts with no other, and calls work while no other
// process can add a definition. If repair is set, the stored definition of the same pool may be one that
// cannot be used.
func (d *Driver) admit(ctx context.Context, p *pooldef.Pool, repair bool, work func() error) error {
	unlock, err := d.admitLocked(ctx, p, repair, work)
	unlock()
	return err
}

// admitLocked is admit, except that the pool stays locked until unlock is called.
func (d *Driver) admitLocked(
	ctx context.Context, p *pooldef.Pool, repair bool, work func() error,
) (unlock func(), err error) {
	if err := d.CheckDefinition(p); err != nil {
		return func() {}, err
	}
	unlockAll, err := d.LockDefinitions(ctx)
	if err != nil {
		return func() {}, err
	}
	defer unlockAll()
	if err := d.checkConflicts(p, repair); err != nil {
		return func() {}, err
	}
	unlock, err = d.lock(ctx, p.Name, store.Exclusive)
	if err != nil {
		return func() {}, err
	}
	return unlock, work()
}

// CheckDefinition returns an error if the backend can never use a definition.
func (d *Driver) CheckDefinition(p *pooldef.Pool) error {
	if checker, ok := d.Backends[p.Type].(backend.DefinitionChecker); ok {
		return checker.CheckDefinition(p)
	}
	return nil
}

// checkConflicts gives a definition a uuid if it has none, and returns an error if it conflicts with a stored
// one.
func (d *Driver) checkConflicts(p *pooldef.Pool, repair bool) error {
	if p.UUID == "" {
		p.UUID = pooldef.NewUUID()
	}
	entries, err := d.Store.All()
	if err != nil {
		return err
	}
	var usable []*pooldef.Pool
	for _, entry := range entries {
		switch {
		case entry.Err == nil:
			usable = append(usable, entry.Current())
		case entry.Name == p.Name && !repair:
			return &backend.StateError{
				Text: fmt.Sprintf("the existing definition of %q cannot be used: %v", p.Name, entry.Err),
				Hint: repairHint(entry),
			}
		}
	}
	return pooldef.CheckConflicts(p, usable, d.Host)
}

// repairHint returns the commands that repair or remove what cannot be used of a pool.
func repairHint(entry *store.Entry) string {
	if entry.File == "" {
		return "poolctl pool-destroy " + shell.Quote(entry.Name)
	}
	return "poolctl pool-edit " + shell.Quote(entry.Name) + ", or pool-undefine"
}
