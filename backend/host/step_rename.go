package host

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
)

// Rename gives a file or directory another name, which must not exist yet; within one directory also a symbolic link that leads
// somewhere. (Of another the shell could not tell whether it is still there.)
type Rename struct{ Old, New string }

// Shell implements Step. The second half is because mv -n is content when there is something already.
func (r Rename) Shell() string {
	return "mv -nT " + Quote(r.Old) + " " + Quote(r.New) + " && [ ! -e " + Quote(r.Old) + " ]"
}

func (r Rename) apply(_ context.Context, l *Local) error {
	from, err := l.entry(r.Old)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := l.entry(r.New)
	if err != nil {
		return err
	}
	defer to.Close()
	if err := renameNew(from.Dir, from.Name, to.Dir, to.Name); err != nil {
		return safeopen.PathError("rename to", r.New, err)
	}
	if err = to.SyncDir(r.New); err != nil {
		_ = renameNew(to.Dir, to.Name, from.Dir, from.Name)
	}
	return err
}

// renameNew uses renameat2's RENAME_NOREPLACE, and a hard link on file systems that lack it (NFS): both refuse a name that is
// taken. Where there are no hard links either (some FUSE file systems, and directories never), it can but look first.
func renameNew(oldDir int, old string, newDir int, name string) error {
	err := retry.Do(func() error { return renameNoReplace(oldDir, old, newDir, name, unix.RENAME_NOREPLACE) })
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

// The system calls that not every file system has. Tests take them away.
var (
	renameNoReplace = unix.Renameat2
	linkat          = unix.Linkat
)
