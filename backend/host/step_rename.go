package host

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/shell"
)

// Rename renames a file or directory. The new name must not exist. A symbolic link can be renamed only within
// its directory, and only if its target exists. (The shell command could not check a dangling link.)
type Rename struct{ Old, New string }

// Shell implements Step. mv -n succeeds if the new name exists; the second command detects that.
func (r Rename) Shell() string {
	return "mv -nT " + shell.Quote(r.Old) + " " + shell.Quote(r.New) + " && [ ! -e " + shell.Quote(r.Old) + " ]"
}

func (r Rename) apply(_ context.Context, l *Local) error {
	from, to, leave, err := l.entries(r.Old, r.New)
	if err != nil {
		return err
	}
	defer leave()
	if err := renameNew(from.Dir, from.Name, to.Dir, to.Name); err != nil {
		return safeopen.PathError("rename to", r.New, err)
	}
	if err = to.SyncDir(r.New); err != nil {
		_ = renameNew(to.Dir, to.Name, from.Dir, from.Name)
	}
	return err
}

// renameNew renames a file and fails if the new name exists. It uses RENAME_NOREPLACE of renameat2(2), and a
// hard link on file systems without it (NFS). Where there are no hard links either (some FUSE file systems,
// and always for directories), it can only check before it renames.
func renameNew(oldDir int, old string, newDir int, name string) error {
	err := retry.Do(func() error { return renameat2(oldDir, old, newDir, name, unix.RENAME_NOREPLACE) })
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	err = retry.Do(func() error { return linkat(oldDir, old, newDir, name, 0) })
	switch {
	case err == nil:
		if err = retry.Unlinkat(oldDir, old, 0); err != nil {
			_ = retry.Unlinkat(newDir, name, 0)
		}
		return err
	case !errors.Is(err, unix.EPERM) && !errors.Is(err, errors.ErrUnsupported): // ENOSYS, EOPNOTSUPP
		return err
	}
	var st unix.Stat_t
	err = retry.Fstatat(newDir, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case err == nil:
		return unix.EEXIST
	case !errors.Is(err, unix.ENOENT):
		return err
	}
	return retry.Renameat(oldDir, old, newDir, name)
}

// The system calls that some file systems lack. Tests replace them.
var (
	renameat2 = unix.Renameat2
	linkat    = unix.Linkat
)
