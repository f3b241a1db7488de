package host

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/shell"
	"poolctl/backend/host/sparse"
)

// A KeptFile is a private file that outlives the process which writes it, so that another process can
// continue where it ended. The step creates the file, and its directory, or opens the file that is there, and
// locks it until Close. If another process uses it, the error is an InUseError.
//
// Only root and the running user may be able to change the directory: what was checked in the file must be
// what is used.
type KeptFile struct {
	Path string

	file     *os.File // nil in a dry run
	wasThere bool
}

// Shell implements Step.
func (k *KeptFile) Shell() string { return "mkdir -p -m 0700 " + shell.Quote(filepath.Dir(k.Path)) }

func (k *KeptFile) apply(_ context.Context, l *Local) error {
	dir := filepath.Dir(k.Path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	at, err := l.entry(k.Path)
	if err != nil {
		return err
	}
	defer at.Close()
	for {
		f, err := safeopen.OpenAt(at.Dir, at.Name, k.Path, unix.O_RDWR|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_NONBLOCK)
		if err != nil {
			return err
		}
		if err = lockFile(f); errors.Is(err, fs.ErrExist) {
			err = &InUseError{Path: k.Path}
		}
		if err == nil {
			err = safeopen.CheckGuarded(k.Path)
		}
		if err == nil && hasName(f, at) {
			size, err := sparse.Size(f)
			k.file, k.wasThere = f, size > 0
			return err
		}
		f.Close() // if there is no error, another process removed the file before the lock
		if err != nil {
			return err
		}
	}
}

// WasThere reports whether another process has left data in the file.
func (k *KeptFile) WasThere() bool { return k.wasThere }

// IsEmpty reports whether the file has no data, or does not exist because this is a dry run.
func (k *KeptFile) IsEmpty() bool {
	if k.file == nil {
		return true
	}
	size, err := sparse.Size(k.file)
	return err == nil && size == 0
}

// Close closes and unlocks the file.
func (k *KeptFile) Close() {
	if k.file != nil {
		k.file.Close()
		k.file = nil
	}
}
