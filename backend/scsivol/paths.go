package scsivol

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// paths maps units to their paths below the pool's target.
type paths struct {
	dir   string
	links map[string][]string // by device; nil: use the device nodes
}

// paths reads the pool's target, once for all units.
func (u *Units) paths(p *pooldef.Pool) (paths, error) {
	dir := filepath.Clean(p.Target.Path)
	if dir == "/dev" {
		return paths{dir: dir}, nil
	}
	links, err := u.Host.DeviceLinks(dir)
	if errors.Is(err, fs.ErrNotExist) { // udev creates the directory with the first link
		err = nil
	}
	return paths{dir, links}, err
}

// of returns a unit's path, or "". Among several links, it prefers the one with the unit's identifier, and
// then the first by name. A unit without a link has the path of its multipath map, if there is one.
func (p paths) of(sys fs.FS, u *unit) string {
	if u.name == "" {
		return ""
	}
	if p.links == nil {
		return p.dir + "/" + u.name
	}
	links := p.links[u.name]
	if len(links) == 0 {
		links = p.links[mapOf(sys, u.name)]
	}
	if len(links) == 0 {
		return ""
	}
	best := slices.IndexFunc(
		links, func(name string) bool { return u.id.serial != "" && strings.HasSuffix(name, "-"+u.id.serial) },
	)
	return p.dir + "/" + links[max(best, 0)]
}

// mapOf returns the multipath map that a device is a path of, such as dm-0, or "" if there is none.
func mapOf(sys fs.FS, device string) string {
	holders, _ := fs.ReadDir(sys, "block/"+device+"/holders")
	for _, h := range holders {
		if strings.HasPrefix(host.ReadSys(sys, "block", h.Name(), "dm/uuid"), "mpath-") {
			return h.Name()
		}
	}
	return ""
}
