// Package systemd makes systemd order and start pools: it writes what a generator of units writes
// (systemd.generator(7)).
//
// Each pool is the instance of the template poolctl-pool@.service that is named after it:
//
//	poolctl-pool@images.service.d/50-poolctl.conf    what the pool depends on
//	poolctl-pools.target.d/50-poolctl.conf           the pools that start at boot
//	srv-images.mount.d/50-poolctl.conf               the pools that start when this storage appears
//
// The last two are not links, as in poolctl-pools.target.wants, because one file takes less time than a link
// for each pool. Files with the same text are one file with several names, and specifiers (systemd.unit(5))
// stand for the pool's name, so that the text is the same for most pools. systemd does not start a unit again
// whose dependencies were missing, so a mount or device that appears late starts the pools that depend on it.
package systemd

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"poolctl/backend"
)

const (
	target     = "poolctl-pools.target"
	autostart  = "poolctl-autostart.service"
	dropInName = "50-poolctl.conf"
)

// A Pool is the pool of one definition.
type Pool struct {
	Name      string
	File      string // of the definition
	Autostart bool
	Enabled   bool // poolctl-pools.target wants the unit already: see MarkEnabled
	backend.Dependencies
}

// A unit is what systemd gets to know about one pool.
type unit struct {
	dropIn
	triggers []string // the mounts and devices whose appearance starts the pool
}

// The maximum lengths of the name of a file and of a path, in bytes (limits.h).
const (
	maxName = 255
	maxPath = 4096
)

// poolUnit returns the name of the unit of a pool with an escaped name.
func poolUnit(escaped string) string { return "poolctl-pool@" + escaped + ".service" }

// unitName returns the name of a pool's unit. The directory of the unit's drop-ins is named after it, so
// neither may be longer than a file name. systemctl lists no units at all if the description of one is not
// UTF-8 for systemd.
func unitName(pool string) (string, error) {
	name := poolUnit(escape(pool))
	switch {
	case !isText(pool):
		return "", fmt.Errorf("pool %q has no unit of its own: "+
			"the name has a character that a unit cannot contain; %s starts it", pool, autostart)
	case len(name+".d") > maxName:
		return "", fmt.Errorf("pool %q has no unit of its own: the unit's name would be too long; %s starts it",
			pool, autostart)
	}
	return name, nil
}

// unit returns the unit of a pool. mounts has the units of the pools that mount something, by directory. A
// path that no unit can contain is left out, with an error. A pool that cannot have a unit is an error, and a
// unit without a name.
func (p *Pool) unit(mounts map[string][]string) (unit, error) {
	name, err := unitName(p.Name)
	if err != nil {
		return unit{}, err
	}
	u := unit{dropIn: newDropIn(name)}
	if isPlain(p.File) {
		u.set("SourcePath", p.specify(p.File))
	}
	var bad []string
	for i, path := range slices.Concat(p.Paths, p.Devices) {
		path = filepath.Clean(path)
		switch {
		case !filepath.IsAbs(path): // not the path of a file
		case !isPlain(path):
			bad = append(bad, path)
		case i >= len(p.Paths) && strings.HasPrefix(path, "/dev/"):
			u.dependOnDevice(path)
		default:
			u.set("RequiresMountsFor", quote(p.specify(path)))
			u.startWith(path)
		}
	}
	for _, path := range p.Paths {
		u.follow(path, mounts)
	}
	u.set("After", p.mountUnit()...) // fstab(5) may have it, too
	if p.Network {
		u.set("Wants", "network-online.target")
		u.set("After", "network-online.target", "nss-lookup.target")
	}
	u.set("After", p.Services...)
	if bad != nil {
		return u, fmt.Errorf("pool %q does not wait for %q: a unit cannot contain this path", p.Name, bad)
	}
	return u, nil
}

// specify returns a path as the value of a setting. If the path ends with the pool's name, %I takes its place
// (systemd.unit(5)), so that the settings of many pools are the same.
func (p *Pool) specify(path string) string {
	dir, file := filepath.Split(path)
	if rest, named := strings.CutPrefix(file, p.Name); named && (rest == "" || rest == filepath.Ext(p.File)) {
		return percent(dir) + "%I" + rest
	}
	return percent(path)
}

// mountUnit returns the name of the mount that the start of a pool makes, or nothing.
func (p *Pool) mountUnit() []string {
	if p.Mount == "" {
		return nil
	}
	return unitNames(escapePath(filepath.Clean(p.Mount)) + ".mount")
}

// dependOnDevice waits for a device. If the device does not appear, the start shows whether another one does.
func (u *unit) dependOnDevice(path string) {
	for _, device := range unitNames(escapePath(path) + ".device") {
		u.set("Wants", device)
		u.set("After", device)
		u.triggers = append(u.triggers, device)
	}
}

// startWith starts a pool when a file system on a path appears.
func (u *unit) startWith(path string) {
	for _, directory := range prefixes(path) {
		u.triggers = append(u.triggers, unitNames(escapePath(directory)+".mount")...)
	}
}

// follow starts a pool after the pools that mount something on the path to it.
func (u *unit) follow(path string, mounts map[string][]string) {
	for _, directory := range prefixes(filepath.Clean(path)) {
		for _, other := range mounts[directory] {
			if other != u.name {
				u.set("After", other)
			}
		}
	}
}

// unitNames returns those of the names that a unit can have.
func unitNames(names ...string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return len(name+".d") > maxName })
}

// isPlain reports whether a setting can contain a path: one line of UTF-8, of names that files can have.
func isPlain(path string) bool {
	return isText(path) && !strings.ContainsFunc(path, unicode.IsControl) && len(path) < maxPath &&
		!slices.ContainsFunc(strings.Split(path, "/"), func(name string) bool { return len(name) > maxName })
}

// isText reports whether a text is UTF-8 for systemd (unichar_is_valid in systemd's src/basic/utf8.c): it has
// none of the code points that Unicode reserves as noncharacters.
func isText(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(c rune) bool {
		return 0xfdd0 <= c && c <= 0xfdef || c&0xfffe == 0xfffe
	})
}
