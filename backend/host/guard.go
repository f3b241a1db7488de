package host

import (
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/fault"
)

// CheckGuarded implements Prober.
func (l *Local) CheckGuarded(path string) error {
	c := chaser{links: maxLinks, guarded: true}
	n, err := c.walk(unix.AT_FDCWD, path)
	if err == nil {
		n.close()
	}
	return pathError("open", path, err)
}

// guard returns a GuardError if somebody else than root or we can put something else in the place of what a directory has, and what is
// looked at.
func guard(dir int, has *unix.Stat_t) error {
	var st unix.Stat_t
	if err := retry.Fstat(dir, &st); err != nil {
		return err
	}
	ours := func(uid uint32) bool { return uid == 0 || int(uid) == os.Geteuid() }
	if ours(st.Uid) && (st.Mode&0o022 == 0 || st.Mode&unix.S_ISVTX != 0 && ours(has.Uid)) {
		return nil
	}
	path, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", dir))
	return &GuardError{path}
}

// A GuardError tells that users other than root and the running one can change a directory. It wraps fs.ErrPermission.
type GuardError struct{ Dir string }

func (e *GuardError) Error() string {
	return fmt.Sprintf("others can change the directory %q, and with it where this is", e.Dir)
}

// Kind implements [fault.Error].
func (*GuardError) Kind() fault.Kind { return fault.Permission }

// HintLine implements [fault.Hinter].
func (e *GuardError) HintLine() string {
	return "chown root: " + Quote(e.Dir) + " && chmod go-w " + Quote(e.Dir)
}

// Unwrap makes it fs.ErrPermission.
func (e *GuardError) Unwrap() error { return fs.ErrPermission }
