package host

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/shell"
	"poolctl/backend/host/sparse"
)

// A PendingFile is a new file beside its destination. Commit renames it over the destination, which replaces
// an older file; until then, no other process can use the older file. An existing destination that is no
// regular file, such as a device or a pipe, is written to directly.
type PendingFile struct {
	path    string // the destination; no symbolic link
	base    string // the last element of path
	inPlace bool   // the destination is written to directly
	mode    fs.FileMode

	uid, gid int // of the older file; -1 if there is none

	at        safeopen.Entry   // the destination
	handle    *safeopen.Handle // the destination if inPlace
	file, old *os.File
}

// NewPendingFile inspects a destination and changes nothing. It follows symbolic links as safeopen does. A
// new file gets mode less the umask. A file that replaces another gets that file's mode, and its owner if
// that is permitted. The caller ends the PendingFile with Abort or the step Commit.
func NewPendingFile(path string, mode fs.FileMode) (*PendingFile, error) {
	d := &PendingFile{path: path, mode: mode &^ umask(), uid: -1, gid: -1}
	h, at, err := safeopen.Resolve(path)
	if errors.Is(err, fs.ErrNotExist) {
		return d.findPlace()
	}
	if err != nil {
		return nil, err
	}
	if h.IsDir() {
		h.Close()
		at.Close()
		return nil, safeopen.PathError("open", path, unix.EISDIR)
	}
	d.inPlace = !h.IsFile() || at.Dir < 0
	d.mode, d.uid, d.gid = fs.FileMode(h.Mode).Perm(), int(h.Uid), int(h.Gid)
	if d.inPlace {
		at.Close()
		d.handle = h
		return d, nil
	}
	h.Close()
	d.at, d.base = at, at.Name
	if resolved, err := filepath.EvalSymlinks(path); err == nil { // for messages
		d.path = resolved
	}
	return d, nil
}

// findPlace finds the directory of a destination that does not exist.
func (d *PendingFile) findPlace() (_ *PendingFile, err error) {
	if d.at, err = safeopen.FindEntry(d.path); err != nil {
		return nil, err
	}
	d.base = d.at.Name
	var st unix.Stat_t
	if found := retry.Fstatat(d.at.Dir, d.at.Name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil; !found {
		return d, nil
	}
	d.at.Close()
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return nil, fmt.Errorf("%q is a dangling symbolic link: %w", d.path, fs.ErrNotExist)
	}
	return NewPendingFile(d.path, d.mode) // it was created just now
}

// umask returns the umask, which can be read only by setting another one.
func umask() fs.FileMode {
	mask := syscall.Umask(0o077)
	syscall.Umask(mask)
	return fs.FileMode(mask)
}

// File returns the file to write to, or nil in a dry run.
func (d *PendingFile) File() *os.File { return d.file }

// Name returns the path that a shell would write to. It is named like a staging directory: the destination
// may be in a pool's directory, where the pending file must not be a volume.
func (d *PendingFile) Name() string {
	if d.inPlace {
		return d.path
	}
	return filepath.Join(filepath.Dir(d.path), d.name())
}

// name returns the pending file's name in the destination's directory.
func (d *PendingFile) name() string {
	return fmt.Sprintf(".poolctl-%.8x", sha256.Sum256([]byte("file "+d.base)))
}

// Shell implements Step.
func (d *PendingFile) Shell() string {
	if d.inPlace {
		return "[ -w " + shell.Quote(d.path) + " ]"
	}
	install := fmt.Sprintf("install -m %04o", d.mode)
	if d.uid >= 0 {
		install += fmt.Sprintf(" -o %d -g %d", d.uid, d.gid)
	}
	return install + " /dev/null " + shell.Quote(d.Name())
}

// apply creates the file. If another process is writing a file for the same destination, or uses the older
// file, the error is an InUseError.
func (d *PendingFile) apply(ctx context.Context, _ *Local) (err error) {
	if d.inPlace {
		d.file, err = openInPlace(ctx, d.handle)
		return err
	}
	if h, err := safeopen.OpenEntry(d.at.Borrow(), d.path); err == nil {
		d.old, err = openHandleData(h, writing)
		h.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	draft := safeopen.Entry{Dir: d.at.Dir, Name: d.name()}
	d.file, err = createPending(draft, d.path)
	if err == nil && d.uid >= 0 {
		_ = d.file.Chown(d.uid, d.gid)
	}
	if err == nil {
		err = chmod(d.file, d.mode)
	}
	if err != nil {
		d.removeFile()
	}
	return err
}

// openInPlace opens a file that is not regular for writing. Opening a pipe waits for a reader.
func openInPlace(ctx context.Context, h *safeopen.Handle) (*os.File, error) {
	if h.IsBlock() {
		return openHandleData(h, writing)
	}
	var f *os.File
	_, err := sparse.Wait(ctx, func() (_ int, err error) {
		f, err = os.OpenFile(h.ProcPath(), os.O_WRONLY, 0)
		return 0, safeopen.PathError("open", h.Path, safeopen.Cause(err))
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Abort ends a PendingFile without Commit, and removes the new file. Data that were written to the
// destination directly stay.
func (d *PendingFile) Abort() {
	d.removeFile()
	d.release()
}

// removeFile removes the new file if it exists, and closes all files.
func (d *PendingFile) removeFile() {
	if d.file != nil && !d.inPlace {
		_ = retry.Unlinkat(d.at.Dir, d.name(), 0)
	}
	for _, f := range []*os.File{d.file, d.old} {
		if f != nil {
			f.Close()
		}
	}
	d.file, d.old = nil, nil
}

// release closes what is open of the destination.
func (d *PendingFile) release() {
	if d.handle != nil {
		d.handle.Close()
	}
	d.at.Close()
	d.handle, d.at = nil, safeopen.Entry{}
}

// Commit writes a PendingFile's data to the disk and renames the file over its destination.
type Commit struct{ File *PendingFile }

// Shell implements Step.
func (p Commit) Shell() string {
	if p.File.inPlace {
		return fmt.Sprintf("[ ! -b %[1]s ] || sync -- %[1]s", shell.Quote(p.File.path))
	}
	return fmt.Sprintf("sync %[1]s && mv -fT -- %[1]s %[2]s", shell.Quote(p.File.Name()),
		shell.Quote(p.File.path))
}

func (p Commit) apply(context.Context, *Local) error {
	d := p.File
	err := d.file.Sync()
	if d.inPlace && (errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP)) { // a pipe or a terminal
		err = nil
	}
	if err == nil && !d.inPlace {
		err = safeopen.PathError("rename to", d.path, retry.Renameat(d.at.Dir, d.name(), d.at.Dir, d.at.Name))
	}
	if err != nil {
		return err
	}
	err = d.file.Close()
	d.file = nil
	if err == nil && !d.inPlace {
		err = d.at.SyncDir(d.path)
	}
	d.removeFile()
	d.release()
	return err
}
