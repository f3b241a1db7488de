package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"poolctl/backend/fault"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/shell"
)

// SetLabel sets the SELinux label of a file or directory. It follows symbolic links as safeopen does. On a
// file system that keeps no labels, such as NFS or FAT, it changes nothing: there, the mount has the label.
type SetLabel struct {
	Path, Label string
	Usual       bool // if this user may not set it, the label that the kernel has chosen stays
}

// Shell implements Step.
func (s SetLabel) Shell() string { return shell.Join("chcon", s.Label, s.Path) }

func (s SetLabel) apply(_ context.Context, l *Local) error {
	return l.withPinned(s.Path, func(_ *safeopen.Handle, f safeopen.FD) error {
		err := unix.Setxattr(descriptorPath(f), "security.selinux", append([]byte(s.Label), 0), 0)
		switch {
		case errors.Is(err, unix.ENOTSUP), s.Usual && errors.Is(err, fs.ErrPermission):
			return nil
		case errors.Is(err, unix.EINVAL):
			return &LabelError{s.Label}
		}
		return safeopen.PathError("set the label of", s.Path, err)
	})
}

// A LabelError reports that the policy of this machine has no such SELinux label.
type LabelError struct{ Label string }

func (e *LabelError) Error() string {
	return fmt.Sprintf("%q is not an SELinux label of this machine's policy", e.Label)
}

// Kind implements [fault.Error].
func (*LabelError) Kind() fault.Kind { return fault.Usage }

// HintLine implements [fault.Hinter].
func (*LabelError) HintLine() string { return "ls -Z shows the labels of other files" }
