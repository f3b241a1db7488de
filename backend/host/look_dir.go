package host

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
)

// A Dir is a directory that stays open until Close. Inspections of its names, and steps on names directly in
// it, work in the directory that was opened, even if its path leads elsewhere by then.
type Dir struct {
	Path string

	local  *Local
	fd     int
	device uint64 // number of the file system
	inside bool
	refs   int
}

// OpenDir implements Files.
func (l *Local) OpenDir(path string, inside bool) (*Dir, error) {
	fd, err := safeopen.Follow(path)
	if err != nil {
		return nil, err
	}
	p := &Dir{Path: path, local: l, fd: int(fd), inside: inside}
	var st unix.Stat_t
	if err = retry.Fstat(p.fd, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		err = unix.ENOTDIR
	}
	if err == nil {
		p.device = st.Dev
		p, err = l.register(p, st.Ino)
	}
	if err != nil {
		unix.Close(p.fd)
		return nil, safeopen.PathError("open", path, err)
	}
	return p, nil
}

// register makes a directory known to the steps, or returns the Dir of the same directory that is known
// already.
func (l *Local) register(p *Dir, inode uint64) (*Dir, error) {
	key := filepath.Clean(p.Path)
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.dirs[key]
	if known == nil {
		p.refs = 1
		if l.dirs == nil {
			l.dirs = map[string]*Dir{}
		}
		l.dirs[key] = p
		return p, nil
	}
	var st unix.Stat_t
	err := retry.Fstat(known.fd, &st)
	if err != nil || st.Dev != p.device || st.Ino != inode || known.inside != p.inside {
		return p, fmt.Errorf("the directory was replaced meanwhile: %w", fs.ErrPermission)
	}
	known.refs++
	unix.Close(p.fd)
	return known, nil
}

// Close closes the directory once its last user has closed it.
func (p *Dir) Close() {
	p.local.mu.Lock()
	defer p.local.mu.Unlock()
	if p.refs--; p.refs > 0 {
		return
	}
	if key := filepath.Clean(p.Path); p.local.dirs[key] == p {
		delete(p.local.dirs, key)
	}
	unix.Close(p.fd)
}

// IsOn reports whether two directories are on the same file system.
func (p *Dir) IsOn(o *Dir) bool { return p.device == o.device }

// OpenPath inspects the file with a name in the directory, as safeopen.OpenPath does. In a directory that was
// opened with inside, a link that leaves its file system leads nowhere.
func (p *Dir) OpenPath(name string) (*safeopen.Handle, error) {
	return safeopen.OpenEntry(p.entry(name), filepath.Join(p.Path, name))
}

// entry returns an entry of the directory.
func (p *Dir) entry(name string) safeopen.Entry {
	p.local.mu.Lock()
	defer p.local.mu.Unlock()
	return p.newEntry(name)
}

// newEntry returns an entry that uses the directory until the entry is closed. The caller holds local.mu.
func (p *Dir) newEntry(name string) safeopen.Entry {
	p.refs++
	device := uint64(0)
	if p.inside {
		device = p.device
	}
	return safeopen.NewEntry(p.fd, name, device, p.Close)
}

// Has reports whether a name exists in the directory, even as a dangling link.
func (p *Dir) Has(name string) bool { return p.Inode(name) != (Inode{}) }

// An Inode identifies a file, whatever its name is. The zero value identifies no file.
type Inode struct{ Device, Number uint64 }

// Inode returns the inode of a name. It does not follow a link.
func (p *Dir) Inode(name string) Inode {
	var st unix.Stat_t
	if retry.Fstatat(p.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return Inode{}
	}
	return Inode{st.Dev, st.Ino}
}

// Owner returns the owner of a name, and whether the name exists.
func (p *Dir) Owner(name string) (uid int, there bool) {
	var st unix.Stat_t
	err := retry.Fstatat(p.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	return int(st.Uid), err == nil
}

// List returns the entries of the directory, in no order.
func (p *Dir) List() ([]safeopen.DirEntry, error) {
	dir, err := safeopen.OpenDirAt(p.fd, ".", p.proc())
	if err != nil {
		return nil, safeopen.PathError("open", p.Path, safeopen.Cause(err))
	}
	defer dir.Close()
	entries, err := safeopen.ReadDir(safeopen.FD(dir.Fd()))
	return entries, safeopen.PathError("read", p.Path, safeopen.Cause(err))
}

// OpenListed opens a name that List returned as a regular file, for reading, and inspects what it has opened.
// It fails if the name has become anything else: OpenPath then inspects that without opening it.
func (p *Dir) OpenListed(name string) (*safeopen.Handle, safeopen.FD, error) {
	return safeopen.OpenListed(safeopen.NewEntry(p.fd, name, 0, nil), filepath.Join(p.Path, name))
}

// proc returns a path in /proc that always leads to the directory.
func (p *Dir) proc() string { return "/proc/self/fd/" + strconv.Itoa(p.fd) }

// IsMounted reports whether a file system is mounted exactly at the directory.
func (p *Dir) IsMounted() (bool, error) {
	var st unix.Statx_t
	err := retry.Statx(p.fd, "", unix.AT_EMPTY_PATH|unix.AT_NO_AUTOMOUNT, 0, &st)
	if err == nil && st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT == 0 { // before Linux 5.8
		return p.local.Mounted(p.proc())
	}
	return st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, safeopen.PathError("statx", p.Path, err)
}

// OpenPath implements Files.
func (l *Local) OpenPath(path string) (*safeopen.Handle, error) {
	at, err := l.entry(path)
	if err != nil {
		return nil, err
	}
	return safeopen.OpenEntry(at, path)
}

// entry finds the entry for a path of a step: in an open Dir or a Stage if the path is directly in one,
// otherwise by safeopen.
func (l *Local) entry(path string) (safeopen.Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.dirs[filepath.Dir(path)]; p != nil {
		return p.newEntry(filepath.Base(path)), nil
	}
	return safeopen.FindEntry(path)
}

// entries returns the entries of two paths. The caller calls leave after it has used them.
func (l *Local) entries(one, other string) (at, otherAt safeopen.Entry, leave func(), err error) {
	if at, err = l.entry(one); err != nil {
		return at, otherAt, nil, err
	}
	if otherAt, err = l.entry(other); err != nil {
		at.Close()
		return at, otherAt, nil, err
	}
	return at, otherAt, func() { at.Close(); otherAt.Close() }, nil
}

// workDir returns the working directory for a command that runs in path. The caller calls leave when the
// command has ended.
func (l *Local) workDir(path string) (dir string, leave func(), err error) {
	if path == "" {
		return "/", func() {}, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.dirs[filepath.Clean(path)]; p != nil {
		p.refs++
		return p.proc(), p.Close, nil
	}
	fd, err := safeopen.Follow(path)
	if err != nil {
		return "", nil, err
	}
	return "/proc/self/fd/" + strconv.Itoa(int(fd)), fd.Close, nil
}

// CheckGuarded implements Files.
func (l *Local) CheckGuarded(path string) error { return safeopen.CheckGuarded(path) }
