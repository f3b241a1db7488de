package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Draft is a new file beside the place that it takes when it is whole (Publish), and what was there before goes. What is there
// and is no regular file, a device or a pipe, is written to as it is.
type Draft struct {
	path  string // where it goes; no symbolic link
	place bool   // it is written in its place
	mode  fs.FileMode
	owner Chown // what is there belongs to somebody else; an empty path: nothing is there, or it is ours

	file *os.File
}

// NewDraft looks what is at a path, and changes nothing. A new file gets mode less the umask; an old one's mode stays, and its owner
// if we may give files away. A link to nowhere is an error.
func NewDraft(path string, mode fs.FileMode) (*Draft, error) {
	d := &Draft{path: path, mode: mode &^ umask()}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		d.path = real
	}
	info, err := os.Stat(d.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, linkErr := os.Lstat(path); linkErr == nil {
			return nil, err
		}
		return d, nil
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, pathError("open", path, unix.EISDIR)
	}
	d.place, d.mode = !info.Mode().IsRegular(), info.Mode().Perm()
	if st, ok := info.Sys().(*syscall.Stat_t); ok && (int(st.Uid) != os.Geteuid() || int(st.Gid) != os.Getegid()) {
		d.owner = Chown{d.Name(), int(st.Uid), int(st.Gid)}
	}
	return d, nil
}

func umask() fs.FileMode {
	mask := syscall.Umask(0)
	syscall.Umask(mask)
	return fs.FileMode(mask)
}

// File is what to write to; nil in a dry run.
func (d *Draft) File() *os.File { return d.file }

// Name is what a shell would write to.
func (d *Draft) Name() string {
	if d.place {
		return d.path
	}
	return filepath.Join(filepath.Dir(d.path), "."+filepath.Base(d.path)+".poolctl")
}

// Shell implements Step.
func (d *Draft) Shell() string {
	if d.place {
		return "[ -w " + Quote(d.path) + " ]"
	}
	line := fmt.Sprintf("install -m %04o /dev/null %s", d.mode, Quote(d.Name()))
	if d.owner.Path != "" {
		line += " && " + d.owner.Shell()
	}
	return line
}

// apply opens the draft. What a killed process has left of one is replaced; one that is being written is an InUseError.
func (d *Draft) apply(_ context.Context, _ *Local) (err error) {
	if d.place {
		flags := os.O_WRONLY
		if info, err := os.Stat(d.path); err == nil && info.Mode()&fs.ModeCharDevice == 0 && info.Mode()&fs.ModeDevice != 0 {
			flags |= unix.O_EXCL // a device: not one that is mounted
		}
		d.file, err = os.OpenFile(d.path, flags, 0)
		return err
	}
	flags := unix.O_RDWR | unix.O_CREAT | unix.O_NOFOLLOW
	for range 5 {
		f, err := openAt(unix.AT_FDCWD, d.Name(), d.path, flags) // errors are about the file that is wanted
		if err != nil {
			return err
		}
		var here, there unix.Stat_t
		err = flock(f)
		if err == nil && unix.Fstat(int(f.Fd()), &here) == nil && unix.Lstat(d.Name(), &there) == nil && here.Ino == there.Ino {
			d.file = f
			if d.owner.Path != "" {
				_ = f.Chown(d.owner.UID, d.owner.GID)
			}
			return errors.Join(f.Truncate(0), chmod(f, d.mode))
		}
		f.Close()
		if err != nil {
			return &InUseError{d.Name()}
		}
	}
	return &InUseError{d.Name()} // others come and go
}

// Discard removes a draft that was not published. What was written in its place stays.
func (d *Draft) Discard() {
	if d.file == nil {
		return
	}
	if !d.place {
		_ = unix.Unlink(d.Name())
	}
	d.file.Close()
	d.file = nil
}

// Publish moves a draft to its place, when all that is in it is on the disk.
type Publish struct{ Draft *Draft }

// Shell implements Step.
func (p Publish) Shell() string {
	if p.Draft.place {
		return "sync " + Quote(p.Draft.path)
	}
	return fmt.Sprintf("sync %[1]s && mv -fT %[1]s %[2]s", Quote(p.Draft.Name()), Quote(p.Draft.path))
}

func (p Publish) apply(context.Context, *Local) error {
	d := p.Draft
	err := d.file.Sync()
	if d.place && (errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP)) { // a pipe or a terminal
		err = nil
	}
	if err == nil && !d.place {
		err = pathError("rename to", d.path, again(func() error { return unix.Rename(d.Name(), d.path) }))
	}
	if err != nil {
		return err
	}
	err = d.file.Close()
	d.file = nil
	return err
}
