package host

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
)

// A Dir is a directory that is held from Enter to Leave. What is looked at in it, and what steps do to names directly in it, is in
// that very directory, whatever its path leads to by then.
type Dir struct {
	Path string

	on     *Local
	fd     int
	device uint64 // of the file system
	inside bool
	users  int
}

// OpenDir implements Prober.
func (l *Local) OpenDir(path string, inside bool) (*Dir, error) {
	n, err := chase(unix.AT_FDCWD, path)
	if err != nil {
		return nil, err
	}
	p := &Dir{Path: path, on: l, fd: n.fd, inside: inside}
	n.fd = -1
	n.close()
	var st unix.Stat_t
	if err = retry.Fstat(p.fd, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		err = unix.ENOTDIR
	}
	if err == nil {
		p.device = st.Dev
		p, err = l.add(p, st.Ino)
	}
	if err != nil {
		unix.Close(p.fd)
		return nil, pathError("open", path, err)
	}
	return p, nil
}

// add makes a place known to the steps, or returns the same that is known already.
func (l *Local) add(p *Dir, inode uint64) (*Dir, error) {
	key := filepath.Clean(p.Path)
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.places[key]
	if known == nil {
		p.users = 1
		if l.places == nil {
			l.places = map[string]*Dir{}
		}
		l.places[key] = p
		return p, nil
	}
	var st unix.Stat_t
	if err := retry.Fstat(known.fd, &st); err != nil || st.Dev != p.device || st.Ino != inode || known.inside != p.inside {
		return p, fmt.Errorf("another directory was there a moment ago: %w", fs.ErrPermission)
	}
	known.users++
	unix.Close(p.fd)
	return known, nil
}

// Close lets go of the directory, once nobody needs it any more.
func (p *Dir) Close() {
	p.on.mu.Lock()
	defer p.on.mu.Unlock()
	if p.users--; p.users > 0 {
		return
	}
	if key := filepath.Clean(p.Path); p.on.places[key] == p {
		delete(p.on.places, key)
	}
	unix.Close(p.fd)
}

// IsOn tells whether the directory is of the same file system as another.
func (p *Dir) IsOn(o *Dir) bool { return p.device == o.device }

// OpenPath looks at a name in the directory, as Hold does. In a place that one entered to stay inside, a link that leads out of its file
// system leads nowhere.
func (p *Dir) OpenPath(name string) (*Handle, error) {
	return hold(p.entry(name), filepath.Join(p.Path, name))
}

func (p *Dir) entry(name string) dirEntry {
	p.on.mu.Lock()
	defer p.on.mu.Unlock()
	p.users++
	return dirEntry{dir: p.fd, name: name, place: p}
}

// Has tells whether the directory has a name, if only a link that leads nowhere.
func (p *Dir) Has(name string) bool { return p.Inode(name) != (Inode{}) }

// An Inode is a file, by whatever name. The zero value is none.
type Inode struct{ Device, Number uint64 }

// Inode returns what has a name, if only a link.
func (p *Dir) Inode(name string) Inode {
	var st unix.Stat_t
	if retry.Fstatat(p.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return Inode{}
	}
	return Inode{st.Dev, st.Ino}
}

// Owner returns whose a name is, and whether it is there.
func (p *Dir) Owner(name string) (uid int, there bool) {
	var st unix.Stat_t
	err := retry.Fstatat(p.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	return int(st.Uid), err == nil
}

// List returns what is in the directory, in no order.
func (p *Dir) List() ([]fs.DirEntry, error) {
	dir, err := openDir(p.fd, ".", p.proc())
	if err != nil {
		return nil, pathError("open", p.Path, reason(err))
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		err = pathError("read", p.Path, reason(err))
	}
	return entries, err
}

// proc is a path of the directory that always leads there.
func (p *Dir) proc() string { return "/proc/self/fd/" + strconv.Itoa(p.fd) }

// IsMounted tells whether something is mounted exactly here.
func (p *Dir) IsMounted() (bool, error) {
	var st unix.Statx_t
	err := retry.Statx(p.fd, "", unix.AT_EMPTY_PATH|unix.AT_NO_AUTOMOUNT, 0, &st)
	if err == nil && st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT == 0 { // before Linux 5.8
		return p.on.Mounted(p.proc())
	}
	return st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, pathError("statx", p.Path, err)
}

// reason is the error in one that names a path which is not the user's.
func reason(err error) error {
	if where, ok := err.(*fs.PathError); ok { //nolint:errorlint // as it comes from package os
		return where.Err
	}
	return err
}

// A dirEntry is a name in a directory that is held until leave.
type dirEntry struct {
	dir   int
	name  string
	place *Dir // whose directory it is
	owned bool // dir is the spot's own
}

func (s dirEntry) leave() {
	switch {
	case s.place != nil:
		s.place.Close()
	case s.owned:
		unix.Close(s.dir)
	}
}

// borrowed is the spot for who does not leave it.
func (s dirEntry) borrowed() dirEntry { return dirEntry{dir: s.dir, name: s.name} }

// OpenPath implements Prober.
func (l *Local) OpenPath(path string) (*Handle, error) {
	at, err := l.entry(path)
	if err != nil {
		return nil, err
	}
	return hold(at, path)
}

// entry finds where a step finds path: in a place or a stage, if it is directly in one, otherwise by chase.
func (l *Local) entry(path string) (dirEntry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.places[filepath.Dir(path)]; p != nil {
		p.users++
		return dirEntry{dir: p.fd, name: filepath.Base(path), place: p}, nil
	}
	return find(path)
}

// find chases the directory of a path.
func find(path string) (dirEntry, error) {
	trimmed := strings.TrimRight(path, "/")
	at := strings.LastIndexByte(trimmed, '/') + 1
	dir, name := trimmed[:at], trimmed[at:]
	switch {
	case name == "" || name == "." || name == "..":
		dir, name = path, "."
	case dir == "":
		dir = "."
	}
	n, err := chase(unix.AT_FDCWD, dir)
	if err != nil {
		return dirEntry{}, pathError("open", path, reason(err))
	}
	s := dirEntry{dir: n.fd, name: name, owned: true}
	n.fd = -1
	n.close()
	return s, nil
}

// sync writes the names in the spot's directory to the disk. path is the spot's, for messages.
func (s dirEntry) sync(path string) error { return s.syncAt(".", filepath.Dir(path)) }

func (s dirEntry) syncAt(name, path string) error {
	dir, err := openAt(s.dir, name, path, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); !errors.Is(err, unix.EINVAL) { // file systems that cannot: CIFS of old kernels
		return err
	}
	return nil
}

// proc is a path of the spot that leads into its directory, wherever that is by then.
func (s dirEntry) proc() string { return fmt.Sprintf("/proc/self/fd/%d/%s", s.dir, s.name) }

// workDir returns where a command runs that is to run in path, and leave, to be called when it has ended.
func (l *Local) workDir(path string) (dir string, leave func(), err error) {
	if path == "" {
		return "/", func() {}, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.places[filepath.Clean(path)]; p != nil {
		p.users++
		return p.proc(), p.Close, nil
	}
	n, err := chase(unix.AT_FDCWD, path)
	if err != nil {
		return "", nil, err
	}
	return "/proc/self/fd/" + strconv.Itoa(n.fd), n.close, nil
}
