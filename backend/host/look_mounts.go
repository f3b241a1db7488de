package host

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// A Mount is a mounted file system, or a part of one, as mountinfo lists it (proc(5)).
type Mount struct {
	Source  string // as named at mount time: a device, HOST:/DIR, or any text
	Target  string
	Type    string // nfs4 for a file system that was mounted as nfs
	Options string // of the mount and of the file system
	Root    string // the directory of the file system that is mounted at Target
	Number  string // MAJOR:MINOR of its files: the device's, except on btrfs
	// IsReadOnly is set if the file system itself cannot be written, at none of its mounts.
	IsReadOnly bool

	id, parent int
}

// Mounts implements Mounts.
func (l *Local) Mounts() ([]Mount, error) {
	f, err := os.Open(filepath.Join(l.Root, "/proc/self/mountinfo"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	infos, err := mountinfo.GetMountsFromReader(f, nil)
	mounts := make([]Mount, len(infos))
	for i, m := range infos {
		mounts[i] = Mount{Source: m.Source, Target: m.Mountpoint, Type: m.FSType, Root: m.Root,
			Options: m.Options + "," + m.VFSOptions, IsReadOnly: isReadOnly(m.VFSOptions),
			Number: fmt.Sprintf("%d:%d", m.Major, m.Minor), id: m.ID, parent: m.Parent}
	}
	return mounts, err
}

// isReadOnly reports whether options contain ro.
func isReadOnly(options string) bool { return slices.Contains(strings.Split(options, ","), "ro") }

// MountOf returns the mount that a file is on, by its path without symbolic links. It is nil only without
// mounts.
func MountOf(mounts []Mount, path string) *Mount {
	for ; ; path = filepath.Dir(path) {
		if m := visibleMount(mounts, path); m != nil || path == "/" || path == "." {
			return m
		}
	}
}

// MountAt implements Mounts. It does not access the mounted file system, whose server may be gone.
func (l *Local) MountAt(path string) (*Mount, error) {
	mounts, err := l.Mounts()
	if err != nil {
		return nil, err
	}
	path = filepath.Clean(path)
	if m := visibleMount(mounts, path); m != nil {
		return m, nil
	}
	if canonical := l.Canonical(path); canonical != path {
		return visibleMount(mounts, canonical), nil
	}
	return nil, nil
}

// visibleMount returns the mount that is visible exactly at a path. It ignores mounts that are covered by
// another at the same path, or by a later one at a parent directory.
func visibleMount(mounts []Mount, path string) *Mount {
	for i := range mounts {
		if mounts[i].Target == path && !isCovered(mounts, &mounts[i]) {
			return &mounts[i]
		}
	}
	return nil
}

// isCovered reports whether m is covered: whether there is a mount at m's target or above, on a mount that
// leads to m, that does not itself lead to m.
func isCovered(mounts []Mount, m *Mount) bool {
	way := map[int]bool{m.id: true}
	for at := m; at != nil; {
		var next *Mount
		for i := range mounts {
			if mounts[i].id == at.parent && !way[at.parent] {
				next = &mounts[i]
				way[next.id] = true
			}
		}
		at = next
	}
	for _, o := range mounts {
		if !way[o.id] && way[o.parent] && strings.HasPrefix(m.Target+"/", strings.TrimSuffix(o.Target, "/")+"/") {
			return true
		}
	}
	return false
}
