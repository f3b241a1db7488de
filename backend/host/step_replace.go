package host

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/shell"
)

// Replace gives the file at Old the name of another file, which gets the name Old in exchange. File systems
// that cannot exchange names (NFS, some FUSE file systems) delete the other file instead. The other file must
// be the one that Held holds, unchanged, unless Held is nil.
type Replace struct {
	Old, New string
	Held     *Hold
}

// Shell implements Step.
func (r Replace) Shell() string { return "mv -fT " + shell.Quote(r.Old) + " " + shell.Quote(r.New) }

func (r Replace) apply(_ context.Context, l *Local) error {
	from, to, leave, err := l.entries(r.Old, r.New)
	if err != nil {
		return err
	}
	defer leave()
	if err := r.checkHeld(to); err != nil {
		return err
	}
	exchanged, err := exchange(from, to)
	if err != nil {
		return safeopen.PathError("rename to", r.New, err)
	}
	if exchanged {
		err = r.checkHeld(from)
	}
	if err == nil {
		err = to.SyncDir(r.New)
	}
	if err != nil && exchanged {
		_, _ = exchange(from, to)
	}
	return err
}

// checkHeld returns an error unless the file at an entry is the one to replace.
func (r Replace) checkHeld(at safeopen.Entry) error {
	if r.Held == nil {
		return nil
	}
	return r.Held.checkAt(at.Dir, at.Name, unix.AT_SYMLINK_NOFOLLOW, r.New)
}

// exchange exchanges two files by RENAME_EXCHANGE of renameat2(2). On file systems without it, exchange
// renames the first file over the second, and returns false.
func exchange(from, to safeopen.Entry) (bool, error) {
	err := retry.Do(func() error {
		return renameat2(from.Dir, from.Name, to.Dir, to.Name, unix.RENAME_EXCHANGE)
	})
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err == nil, err
	}
	return false, retry.Renameat(from.Dir, from.Name, to.Dir, to.Name)
}
