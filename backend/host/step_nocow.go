package host

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/shell"
)

// SetNoCOW disables copy-on-write for new files in a btrfs directory, or enables it again (FS_NOCOW_FL,
// ioctl_iflags(2)).
type SetNoCOW struct {
	Path string
	On   bool
}

// Shell implements Step.
func (s SetNoCOW) Shell() string {
	if s.On {
		return "chattr +C " + shell.Quote(s.Path)
	}
	return "chattr -C " + shell.Quote(s.Path)
}

func (s SetNoCOW) apply(_ context.Context, l *Local) error {
	at, err := l.entry(s.Path)
	if err != nil {
		return err
	}
	defer at.Close()
	f, err := safeopen.OpenDirAt(at.Dir, at.Name, s.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	return setNoCOW(f, s.On)
}

// noCOW is FS_NOCOW_FL of linux/fs.h, which x/sys lacks.
const noCOW = 0x00800000

func setNoCOW(f *os.File, on bool) error {
	var st unix.Statfs_t
	if err := retry.Fstatfs(int(f.Fd()), &st); err != nil {
		return safeopen.PathError("statfs", f.Name(), err)
	}
	if st.Type != unix.BTRFS_SUPER_MAGIC {
		return fmt.Errorf("cannot control copy-on-write of %q: it is not on btrfs", f.Name())
	}
	flags, err := unix.IoctlGetUint32(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil {
		return safeopen.PathError("FS_IOC_GETFLAGS", f.Name(), err)
	}
	if on {
		flags |= noCOW
	} else {
		flags &^= noCOW
	}
	err = unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, int(flags))
	return safeopen.PathError("FS_IOC_SETFLAGS", f.Name(), err)
}
