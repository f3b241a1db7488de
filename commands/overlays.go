package commands

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/pooldef"
)

// overlays returns the volumes of active local pools whose backing file is reached by the name of a volume. They are found by their
// headers, all of which are read; one that cannot be read is warned of. A pool that lives below the volume is an error.
func (e *env) overlays(v *foundVolume) ([]*pooldef.Volume, error) {
	entries, err := e.store.All()
	if err != nil {
		return nil, err
	}
	at := filepath.Join(e.host.Canonical(filepath.Dir(v.Target.Path)), v.Name)
	var found []*pooldef.Volume
	entries = slices.DeleteFunc(entries, func(entry *pooldef.Entry) bool { return entry.Err != nil })
	for _, s := range e.statuses(entries) {
		entry := s.entry
		if leadsThrough(entry.Live().Target.Path, at) {
			return nil, &stateError{text: fmt.Sprintf("pool %q lives in it", entry.Name)}
		}
		b, ok := e.backends[entry.Live().Type]
		if _, local := b.(backend.Locator); !ok || !local { // servers do not name files of this host
			continue
		}
		if !s.active {
			continue
		}
		for image, err := range e.details(b, entry.Live()) {
			if err != nil {
				return nil, fmt.Errorf("look for overlays in pool %q: %w", entry.Name, err)
			}
			if image.Err != nil {
				e.warn("volume %q: %v", image.Name, image.Err)
			}
			if image.Type == "block" { // what it is based on LVM knows, by no name
				continue
			}
			self := entry.Name == v.entry.Name && image.Name == v.Name
			if !self && image.Backing != nil && filepath.IsAbs(image.Backing.Path) && leadsThrough(image.Backing.Path, at) {
				found = append(found, image)
			}
		}
	}
	return found, nil
}

// leadsThrough tells whether the way along an absolute path, and along the symbolic links there, comes by the path at. That one has
// no links in front of its last name.
func leadsThrough(path, at string) bool {
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
