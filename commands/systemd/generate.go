package systemd

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"

	"path/filepath"
)

// Generate writes the units of pools below a directory, and reports what it cannot write. It stops for
// nothing.
func Generate(directory string, pools []Pool, report func(error)) {
	root, err := os.OpenRoot(directory)
	if err != nil {
		report(err)
		return
	}
	defer func() { _ = root.Close() }()
	w := writer{root: root, made: map[string]bool{}}
	mounts := mountsOf(pools)
	for i := range pools {
		if err := w.writePool(&pools[i], mounts); err != nil {
			report(err)
		}
	}
}

// mountsOf returns the units of the pools that mount something, by directory. If several pools use a
// directory, only one of them can be active.
func mountsOf(pools []Pool) map[string]string {
	mounts := map[string]string{}
	for _, p := range pools {
		if name, err := unitName(p.Name); p.Mount != "" && err == nil {
			mounts[filepath.Clean(p.Mount)] = name
		}
	}
	return mounts
}

// A writer writes files below a directory.
type writer struct {
	root *os.Root
	made map[string]bool // the directories
}

// writePool writes the unit of a pool.
func (w writer) writePool(p *Pool, mounts map[string]string) error {
	name, err := unitName(p.Name)
	if err != nil {
		if p.Autostart {
			err = errors.Join(err, w.link(target, autostart, autostart))
		}
		return err
	}
	u, err := p.unit(name, mounts)
	if p.Autostart {
		u.triggers = append(u.triggers, target)
	} else {
		u.triggers = nil
	}
	return cmp.Or(w.write(u), err)
}

// write writes the drop-in of a unit, and the links of the units that want it.
func (w writer) write(u unit) error {
	text := fmt.Sprintf("# Written by poolctl-generator.\n[Unit]\n%s\n", strings.Join(u.settings, "\n"))
	directory := u.name + ".d"
	err := w.mkdir(directory)
	if err == nil {
		err = w.root.WriteFile(filepath.Join(directory, dropIn), []byte(text), 0o644)
	}
	for _, other := range u.triggers {
		err = cmp.Or(err, w.link(other, u.name, template))
	}
	return err
}

// link makes one unit want another, which the file to defines.
func (w writer) link(other, name, to string) error {
	directory := other + ".wants"
	if err := w.mkdir(directory); err != nil {
		return err
	}
	err := w.root.Symlink("../"+to, filepath.Join(directory, name))
	if errors.Is(err, os.ErrExist) { // of two paths of the pool, or of two pools
		err = nil
	}
	return err
}

// mkdir creates a directory unless the writer did.
func (w writer) mkdir(name string) error {
	if w.made[name] {
		return nil
	}
	w.made[name] = true
	return w.root.Mkdir(name, 0o755)
}
