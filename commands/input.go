package commands

import (
	"fmt"
	"io/fs"
	"os"

	"poolctl/backend"
	"poolctl/backend/fault"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// readInput reads a definition from a file, which may be a pipe, or from standard input if file is "-".
func (e *env) readInput(file string) ([]byte, error) {
	return backend.Await(e.ctx, func() ([]byte, error) {
		if file == "-" {
			stdin, err := e.standardInput()
			if err != nil {
				return nil, err
			}
			return codec.ReadInput(stdin)
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

// standardInput returns standard input for a verb that reads data from it.
func (e *env) standardInput() (*os.File, error) {
	if e.inputIsBatch {
		return nil, &usageError{e.verb, "standard input has the verbs of the batch: name a file"}
	}
	return os.Stdin, nil
}

// A readonlyInputError reports that root reads no file with --readonly. Error messages quote files that are
// no definitions, so a user who may run only that, through sudo, could read any file of root's. Standard
// input is safe, because the user opens it. The error wraps fs.ErrPermission.
type readonlyInputError struct{ file string }

func (e *readonlyInputError) Error() string {
	return fmt.Sprintf("with --readonly, root reads no file that an argument names (%q)", e.file)
}

// Kind implements [fault.Error].
func (*readonlyInputError) Kind() fault.Kind { return fault.Permission }

// HintLine implements [fault.Hinter].
func (e *readonlyInputError) HintLine() string {
	return "give it on standard input: - <" + shell.Quote(e.file)
}

func (e *readonlyInputError) Unwrap() error { return fs.ErrPermission }

// inputName returns the name of an input file for messages.
func inputName(file string) string {
	if file == "-" {
		return "standard input"
	}
	return file
}

// A poolReader is codec.ReadPool or codec.ReadStored.
type poolReader func(file string, data []byte, strict bool) (*pooldef.Pool, []pooldef.Problem, error)

// readPool reads a pool's definition from a file. Problems of the definition mention name as the file. yaml
// is the document if it is YAML, otherwise nil.
func (e *env) readPool(file, name string, strict bool) (p *pooldef.Pool, yaml []byte, err error) {
	return e.readPoolWith(codec.ReadPool, file, name, strict)
}

// readPoolWith is readPool with the function that reads the document.
func (e *env) readPoolWith(
	read poolReader, file, name string, strict bool,
) (p *pooldef.Pool, yaml []byte, err error) {
	data, err := e.readInput(file)
	if err != nil {
		return nil, nil, err
	}
	p, warnings, err := read(name, data, strict)
	for _, w := range warnings {
		e.Warn("%w", w)
	}
	if err == nil && !codec.IsXML(name, data) {
		yaml = data
	}
	return p, yaml, err
}
