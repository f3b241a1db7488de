package commands

import (
	"errors"
	"fmt"
	"io/fs"

	"poolctl/backend"
	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// VolCreate is the verb vol-create.
type VolCreate struct {
	Pool     string `arg:"" help:"Name or uuid of the pool."`
	File     string `arg:"" file:"" help:"Definition of the volume, XML or YAML; - is standard input."`
	Validate bool   `help:"Reject unknown elements and attributes."`
	preallocation
	ifMissing
	changing
}

// preallocation says how space is allocated for a new volume.
type preallocation struct {
	PreallocMetadata bool   `help:"The same as --preallocation=metadata."`
	Preallocation    string `default:"" enum:",off,metadata,falloc,full" placeholder:"HOW" help:"Preallocation: off, metadata (qcow2), falloc (reserve all) or full (write all)."`
}

func (p *preallocation) options() (backend.CreateOptions, error) {
	if p.PreallocMetadata && p.Preallocation != "" && p.Preallocation != "metadata" {
		return backend.CreateOptions{}, exclusive("", "prealloc-metadata", "preallocation")
	}
	if p.PreallocMetadata {
		return backend.CreateOptions{Preallocation: "metadata"}, nil
	}
	return backend.CreateOptions{Preallocation: p.Preallocation}, nil
}

// Help implements kong.HelpProvider.
func (c *VolCreate) Help() string {
	return "A raw volume is allocated as its definition says, or fully if the definition gives no " +
		"allocation.\n\n" +
		"  poolctl vol-create images disk.yaml\n\n" +
		"with disk.yaml such as\n\n" +
		"  name: disk.qcow2\n" +
		"  capacity: 20GiB\n" +
		"  format: qcow2"
}

// ifMissing is the option of verbs that create a volume.
type ifMissing struct {
	IfMissing bool `help:"If the pool has a volume of this name, size and format, do nothing and succeed."`
}

// create creates volume v with work in pool p, whose backend is b, and prints a message. With the option, it
// does neither if the pool has the volume.
func (f *ifMissing) create(
	e *env, b backend.Backend, p *pooldef.Pool, v *pooldef.Volume, work func() error, text string, args ...any,
) error {
	has, err := f.has(e, b, p, v)
	if !has && err == nil {
		err = work()
		if errors.Is(err, fs.ErrExist) { // another process may have been faster
			if now, hasErr := f.has(e, b, p, v); now || hasErr != nil {
				has, err = now, hasErr
			}
		}
	}
	if err != nil {
		return err
	}
	e.reportVolume(b, p, v.Name, v)
	if !has {
		e.Say(text, args...)
	}
	return nil
}

// has reports whether the option is set and the pool has the volume.
func (f *ifMissing) has(e *env, b backend.Backend, p *pooldef.Pool, v *pooldef.Volume) (bool, error) {
	if !f.IfMissing {
		return false, nil
	}
	isCopy := e.verb == "vol-clone" || e.verb == "vol-create-from"
	return e.driver.HasVolume(e.ctx, b, p, v, isCopy)
}

// Run creates a volume.
func (c *VolCreate) Run(e *env) error {
	if err := c.run(e); err != nil {
		return fmt.Errorf("create volume from %s: %w", c.File, err)
	}
	return nil
}

func (c *VolCreate) run(e *env) error {
	entry, b, unlock, err := e.driver.ActivePool(e.ctx, c.Pool)
	defer unlock()
	if err != nil {
		return err
	}
	data, err := e.readInput(c.File)
	if err != nil {
		return err
	}
	v, warnings, err := codec.ReadVolume(inputName(c.File), data, entry.Current().Type.Info(), c.Validate)
	for _, w := range warnings {
		e.Warn("%w", w)
	}
	if err != nil {
		return err
	}
	create := func() error { return e.createVolume(b, entry.Current(), v, &c.preallocation) }
	return c.create(e, b, entry.Current(), v, create, "Vol %s created from %s", v.Name, c.File)
}

// createVolume creates a volume in pool p, whose backend is b, and shows the progress.
func (e *env) createVolume(b backend.Backend, p *pooldef.Pool, v *pooldef.Volume, how *preallocation) error {
	o, err := how.options()
	if err != nil {
		return err
	}
	progress, done := e.Progress()
	defer done()
	o.Progress = progress
	return e.driver.CreateVolume(e.ctx, b, p, v, o)
}
