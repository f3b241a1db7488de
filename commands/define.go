package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
	"poolctl/pooldef/codec"
	"poolctl/pooldef/store"
)

// readInput reads a definition from a file, which may be a pipe, or from standard input if the file is -.
func (e *env) readInput(file string) ([]byte, error) {
	return await(e.ctx, func() ([]byte, error) {
		if file == "-" {
			return codec.ReadInput(e.stdin)
		}
		if e.cli.Readonly && os.Geteuid() == 0 {
			return nil, &readonlyInputError{file}
		}
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return codec.ReadInput(f)
	})
}

// A readonlyInputError reports that root does not read a file with --readonly. A user who may run only that, by sudo, could name a file that
// only root can read, and error messages quote what is no definition. Standard input is opened by the user. It wraps fs.ErrPermission.
type readonlyInputError struct{ file string }

func (e *readonlyInputError) Error() string {
	return fmt.Sprintf("with --readonly, root reads no file that an argument names (%q)", e.file)
}

func (e *readonlyInputError) Unwrap() error { return fs.ErrPermission }

// inputName is what messages call a file that is read.
func inputName(file string) string {
	if file == "-" {
		return "standard input"
	}
	return file
}

// readPool reads a pool's definition. What is wrong with it is told of the file called name. yaml is the source if it is YAML,
// otherwise nil.
func (e *env) readPool(file, name string, strict bool) (p *pooldef.Pool, yaml []byte, err error) {
	data, err := e.readInput(file)
	if err != nil {
		return nil, nil, err
	}
	p, warnings, err := codec.ReadPool(name, data, strict)
	for _, w := range warnings {
		e.warn("%w", w)
	}
	if err == nil && !codec.IsXML(name, data) {
		yaml = data
	}
	return p, yaml, err
}

// define checks a definition against all others and stores it.
func (e *env) define(p *pooldef.Pool, yaml []byte) error {
	return e.admit(p, false, func() error { return e.store.Define(p, yaml) })
}

// admit does something with a definition that contradicts none of the others, and keeps others from adding one that does. It may
// mend one that cannot be used.
func (e *env) admit(p *pooldef.Pool, mend bool, work func() error) error {
	unlock, err := e.lockDefinitions()
	if err != nil {
		return err
	}
	defer unlock()
	if err := e.checkConflicts(p, mend); err != nil {
		return err
	}
	unlockPool, err := e.lock(p.Name, store.Exclusive)
	if err != nil {
		return err
	}
	defer unlockPool()
	return work()
}

// checkConflicts gives a definition a uuid if it has none, and refuses it if it contradicts what there is.
func (e *env) checkConflicts(p *pooldef.Pool, mend bool) error {
	if p.UUID == "" {
		p.UUID = pooldef.NewUUID()
	}
	entries, err := e.store.All()
	if err != nil {
		return err
	}
	var usable []*pooldef.Pool
	for _, entry := range entries {
		switch {
		case entry.Err == nil:
			usable = append(usable, entry.Current())
		case entry.Name == p.Name && !mend:
			return &stateError{fmt.Sprintf("there is a definition of %q that cannot be used: %v", p.Name, entry.Err),
				"poolctl pool-edit " + host.Quote(p.Name) + ", or pool-undefine"}
		}
	}
	return pooldef.CheckConflicts(p, usable, e.host)
}

// createTransient starts a pool that is not defined, or, for the time that it runs, another than is defined.
func (e *env) createTransient(p *pooldef.Pool, f *buildFlags) error {
	err := e.admit(p, false, func() error {
		entry, err := e.store.Load(p.Name)
		if err == nil {
			if err := e.mustBeInactive(entry); err != nil {
				return err
			}
		}
		if f.wanted() {
			if err := e.build(p, f.options()); err != nil {
				return err
			}
		}
		return e.start(p, entry.Started, 0)
	})
	if notReady := (*backend.NotReadyError)(nil); errors.As(err, &notReady) && notReady.Build {
		return &stateError{err.Error(), "the option --build makes it"}
	}
	return err
}
