package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// A Mount is a file system, or a part of one, at a place, as proc(5) tells of it in mountinfo.
type Mount struct {
	Source  string // as it was named when it was mounted: a device, HOST:/DIR, or any word
	Target  string
	Type    string // nfs4 for what was mounted as nfs
	Options string // of the mount and of the file system
	Root    string // the directory of the file system that is seen at Target
	Number  string // MAJOR:MINOR of its files: the device's, if it has one of its own; btrfs does not show it

	id, parent int
}

// Mounts implements Prober.
func (l *Local) Mounts() ([]Mount, error) {
	f, err := os.Open(filepath.Join(l.Root, "/proc/self/mountinfo"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	infos, err := mountinfo.GetMountsFromReader(f, nil)
	mounts := make([]Mount, len(infos))
	for i, m := range infos {
		mounts[i] = Mount{Source: m.Source, Target: m.Mountpoint, Type: m.FSType, Options: m.Options + "," + m.VFSOptions, Root: m.Root,
			Number: fmt.Sprintf("%d:%d", m.Major, m.Minor), id: m.ID, parent: m.Parent}
	}
	return mounts, err
}

// MountAt implements Prober. What is mounted is not touched: its server may have gone.
func (l *Local) MountAt(path string) (*Mount, error) {
	mounts, err := l.Mounts()
	if err != nil {
		return nil, err
	}
	path = filepath.Clean(path)
	if m := visibleMount(mounts, path); m != nil {
		return m, nil
	}
	if real := l.Canonical(path); real != path {
		return visibleMount(mounts, real), nil
	}
	return nil, nil
}

// visibleMount returns the mount that one meets exactly at a path: not one that is below another at the same place, or hidden because
// something was mounted later on a directory above it.
func visibleMount(mounts []Mount, path string) *Mount {
	for i := range mounts {
		if mounts[i].Target == path && !isCovered(mounts, &mounts[i]) {
			return &mounts[i]
		}
	}
	return nil
}

// isCovered tells whether m is covered: by a mount on one of those that lead to m, at m's place or above it, that does not itself
// lead to m.
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
