package driver

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// overlays returns the volumes of active pools whose backing file or data file is reached through the name of
// a volume. If the volume is a file of this machine, overlays reads the header of every image in local pools,
// otherwise in pools of the volume's type. It warns about headers that cannot be read. If a pool's target or
// source is below the volume, overlays returns an error.
func (d *Driver) overlays(ctx context.Context, v *Volume) ([]*pooldef.Volume, error) {
	entries, err := d.Store.All()
	if err != nil {
		return nil, err
	}
	name := d.nameOf(v)
	var found []*pooldef.Volume
	entries = slices.DeleteFunc(entries, func(entry *store.Entry) bool { return entry.Err != nil })
	for _, s := range d.Statuses(ctx, entries, nil) {
		p := s.Pool
		if name.contains(p) {
			return nil, &backend.StateError{Text: fmt.Sprintf("it contains the pool %q", s.Entry.Name)}
		}
		b, ok := d.Backends[p.Type]
		if _, locates := b.(backend.Locator); !ok || !locates || !s.Active || !name.isKnownTo(p) {
			continue
		}
		for image, err := range d.Details(ctx, b, p) {
			if err != nil {
				return nil, fmt.Errorf("look for overlays in pool %q: %w", s.Entry.Name, err)
			}
			if image.Err != nil {
				d.Warn("volume %q: %w", image.Name, image.Err)
			}
			if image.Type == "block" { // LVM knows the origin of a snapshot by no name
				continue
			}
			self := s.Entry.Name == v.Entry.Name && image.Name == v.Name
			if !self && (image.Backing != nil && name.isNamedBy(image.Backing.Path) ||
				name.isNamedBy(image.Target.DataFile)) {
				found = append(found, image)
			}
		}
	}
	return found, nil
}

// A volumeName is the name by which images and pools find a volume.
type volumeName struct {
	pool *pooldef.Pool
	name string
	at   string // path with the links of its directory resolved, or URI
}

// nameOf returns the name of a volume.
func (d *Driver) nameOf(v *Volume) volumeName {
	n := volumeName{v.Pool(), v.Name, v.Target.Path}
	if n.isLocal() {
		n.at = filepath.Join(d.Host.Canonical(filepath.Dir(v.Target.Path)), v.Name)
	}
	return n
}

// isLocal reports whether the name is a path of this machine. Pools of servers do not know such names.
func (n volumeName) isLocal() bool { return n.pool.Target.Path != "" }

// isKnownTo reports whether images in pool p can use the name.
func (n volumeName) isKnownTo(p *pooldef.Pool) bool {
	if n.isLocal() {
		return p.Target.Path != ""
	}
	return p.Type == n.pool.Type
}

// isNamedBy reports whether the path of a backing file leads through the name.
func (n volumeName) isNamedBy(path string) bool {
	if n.isLocal() {
		return filepath.IsAbs(path) && traverses(path, n.at)
	}
	return path == n.at
}

// contains reports whether a pool's target or source is below the name.
func (n volumeName) contains(p *pooldef.Pool) bool {
	if n.isLocal() {
		return traverses(p.Target.Path, n.at)
	}
	return p.Type == n.pool.Type && p.Source.Name == n.pool.Source.Name &&
		strings.HasPrefix(p.Source.Dir+"/", filepath.Join(n.pool.Source.Dir, n.name)+"/")
}

// traverses reports whether the lookup of an absolute path, with all symbolic links in it, passes through at.
// The path at has no links before its last name.
func traverses(path, at string) bool {
	return followPath(path, func(next string) bool { return next == at })
}

// followPath calls found for each directory, link and file that the lookup of an absolute path passes
// through, until found returns true. It passes paths that have no links before their last names.
func followPath(path string, found func(next string) bool) bool {
	const maxLinks = 40 // the kernel's limit (path_resolution(7))
	been, ahead := "/", path
	for links := 0; ahead != "" && links <= maxLinks; {
		var name string
		name, ahead, _ = strings.Cut(ahead, "/")
		next := filepath.Join(been, name)
		if found(next) {
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
