package commands

import (
	"context"
	"errors"
	"time"

	"poolctl/backend"
	"poolctl/pooldef"
)

// buildFlags are the options of the verbs that can build a pool first.
type buildFlags struct {
	Build       bool `help:"Build the pool first."`
	Overwrite   bool `xor:"overwrite" help:"Build it, and overwrite what is on the device."`
	NoOverwrite bool `xor:"overwrite" help:"Build it, but only on an empty device."`
}

func (f *buildFlags) options() backend.BuildOptions {
	return backend.BuildOptions{Overwrite: f.Overwrite, NoOverwrite: f.NoOverwrite}
}

func (f *buildFlags) wanted() bool { return f.Build || f.Overwrite || f.NoOverwrite }

// build makes a pool's storage. A type that has nothing to build is fine with that, as it is to virsh.
func (e *env) build(p *pooldef.Pool, o backend.BuildOptions) error {
	b, err := e.backend(p)
	if err != nil {
		return err
	}
	if builder, ok := b.(backend.Builder); ok {
		return builder.Build(e.ctx, p, o)
	}
	return nil
}

// start makes a pool usable and records that; what it began it undoes if that fails. was is the record that there has been before,
// nil for none.
func (e *env) start(p, was *pooldef.Pool, wait time.Duration) error {
	b, err := e.backend(p)
	if err != nil {
		return err
	}
	starter, starts := b.(backend.Starter)
	if !starts {
		if err := e.refresh(b, p, wait); err != nil {
			return err
		}
		return e.store.SaveState(p)
	}
	if err := e.store.SaveState(p); err != nil { // first: who is killed leaves a pool that can be stopped
		return err
	}
	started := *p
	started.Started = true
	err = starter.Start(e.ctx, &started)
	if warning := (*backend.Warning)(nil); errors.As(err, &warning) {
		e.warn("%s", warning.Text)
		err = nil
	}
	if err == nil {
		if err = e.refresh(b, &started, wait); err == nil {
			return nil
		}
		if stopErr := starter.Stop(context.WithoutCancel(e.ctx), &started); stopErr != nil {
			return errors.Join(err, stopErr)
		}
	}
	if was != nil {
		return errors.Join(err, e.store.SaveState(was))
	}
	return errors.Join(err, e.store.RemoveState(p.Name))
}

// refresh looks for what has come to a pool, waiting for it if that is wanted, and reads from it what a listing would read first. In a
// dry run what it would read may not be there yet, and is not where starting has to make it.
func (e *env) refresh(b backend.Backend, p *pooldef.Pool, wait time.Duration) error {
	refresher, refreshes := b.(backend.Refresher)
	if e.cli.DryRun {
		_, starts := b.(backend.Starter)
		active, err := ask(e, p, func() (bool, error) { return b.Active(e.ctx, p) })
		switch {
		case active && refreshes:
			return refresher.Refresh(e.ctx, p, 0)
		case active || starts || err != nil:
			return err
		}
	}
	if refreshes {
		if err := refresher.Refresh(e.ctx, p, wait); err != nil {
			return err
		}
	}
	if _, err := e.space(b, p); err != nil {
		return err
	}
	for _, err := range b.Volumes(e.ctx, p) {
		return err
	}
	return nil
}
