package safeopen

import (
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"poolctl/backend/fault"
	"poolctl/backend/host/retry"
	"poolctl/backend/host/shell"
)

// CheckGuarded returns a GuardError unless only root and the running user can change the directories on a
// path.
func CheckGuarded(path string) error {
	c := chaser{links: maxLinks, guarded: true}
	n, err := c.walk(unix.AT_FDCWD, path)
	if err == nil {
		n.close()
	}
	return PathError("open", path, err)
}

// checkGuarded returns a GuardError if users other than root and the running one can replace entry, a file in
// dir.
func checkGuarded(dir int, entry *unix.Stat_t) error {
	var st unix.Stat_t
	if err := retry.Fstat(dir, &st); err != nil {
		return err
	}
	ours := func(uid uint32) bool { return uid == 0 || int(uid) == os.Geteuid() }
	if ours(st.Uid) && (st.Mode&0o022 == 0 || st.Mode&unix.S_ISVTX != 0 && ours(entry.Uid)) {
		return nil
	}
	path, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", dir))
	return &GuardError{path}
}

// A GuardError reports a directory that users other than root and the running one can change. It wraps
// fs.ErrPermission.
type GuardError struct{ Dir string }

func (e *GuardError) Error() string {
	return fmt.Sprintf("other users can change the directory %q, and so replace this path", e.Dir)
}

// Kind implements [fault.Error].
func (*GuardError) Kind() fault.Kind { return fault.Permission }

// HintLine implements [fault.Hinter].
func (e *GuardError) HintLine() string {
	return shell.Join("chown", "root:", e.Dir) + " && " + shell.Join("chmod", "go-w", e.Dir)
}

// Unwrap returns fs.ErrPermission.
func (e *GuardError) Unwrap() error { return fs.ErrPermission }
