package commands

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// overlays returns the volumes of active pools whose backing file is reached by the name of a volume: of local pools if it is a file of this
// machine, otherwise of those of its own type. They are found by their headers, all of which are read; one that cannot be read is warned
// of. A pool that lives below the volume is an error.
func (e *env) overlays(v *foundVolume) ([]*pooldef.Volume, error) {
	entries, err := e.store.All()
	if err != nil {
		return nil, err
	}
	name := e.nameOf(v)
	var found []*pooldef.Volume
	entries = slices.DeleteFunc(entries, func(entry *store.Entry) bool { return entry.Err != nil })
	for _, s := range e.statuses(entries) {
		entry := s.entry
		p := entry.Current()
		if name.holds(p) {
			return nil, &stateError{text: fmt.Sprintf("pool %q lives in it", entry.Name)}
		}
		b, ok := e.backends[p.Type]
		if _, located := b.(backend.Locator); !ok || !located || !s.active || !name.isKnownTo(p) {
			continue
		}
		for image, err := range e.details(b, p) {
			if err != nil {
				return nil, fmt.Errorf("look for overlays in pool %q: %w", entry.Name, err)
			}
			if image.Err != nil {
				e.warn("volume %q: %w", image.Name, image.Err)
			}
			if image.Type == "block" { // what it is based on LVM knows, by no name
				continue
			}
			self := entry.Name == v.entry.Name && image.Name == v.Name
			if !self && image.Backing != nil && name.isMeant(image.Backing.Path) {
				found = append(found, image)
			}
		}
	}
	return found, nil
}

// A volumeName is the name by which others find a volume.
type volumeName struct {
	pool *pooldef.Pool
	name string
	at   string // path without links, or URI
}

func (e *env) nameOf(v *foundVolume) volumeName {
	n := volumeName{v.entry.Current(), v.Name, v.Target.Path}
	if n.isLocal() {
		n.at = filepath.Join(e.host.Canonical(filepath.Dir(v.Target.Path)), v.Name)
	}
	return n
}

// isLocal tells whether it is a name of this machine's, which pools of servers do not know.
func (n volumeName) isLocal() bool { return n.pool.Target.Path != "" }

func (n volumeName) isKnownTo(p *pooldef.Pool) bool {
	if n.isLocal() {
		return p.Target.Path != ""
	}
	return p.Type == n.pool.Type
}

// isMeant tells whether a backing file's path leads through the name.
func (n volumeName) isMeant(path string) bool {
	if n.isLocal() {
		return filepath.IsAbs(path) && traverses(path, n.at)
	}
	return path == n.at
}

// holds tells whether a pool lives below the name.
func (n volumeName) holds(p *pooldef.Pool) bool {
	if n.isLocal() {
		return traverses(p.Target.Path, n.at)
	}
	return p.Type == n.pool.Type && p.Source.Name == n.pool.Source.Name &&
		strings.HasPrefix(p.Source.Dir+"/", filepath.Join(n.pool.Source.Dir, n.name)+"/")
}

// traverses tells whether the way along an absolute path, and along the symbolic links there, comes by the path at. That one has
// no links in front of its last name.
func traverses(path, at string) bool {
	const maxLinks = 40 // the kernel's (path_resolution(7))
	been, ahead := "/", path
	for links := 0; ahead != "" && links <= maxLinks; {
		var name string
		name, ahead, _ = strings.Cut(ahead, "/")
		next := filepath.Join(been, name)
		if next == at {
			return true
		}
		target, err := os.Readlink(next)
		if err != nil {
			been = next
			continue
		}
		links++
		if filepath.IsAbs(target) {
			been = "/"
		}
		ahead = target + "/" + ahead
	}
	return false
}
