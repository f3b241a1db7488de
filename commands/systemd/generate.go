package systemd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
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
	t := tree{}
	mounts := mountsOf(pools)
	for i := range pools {
		if err := t.add(&pools[i], mounts); err != nil {
			report(err)
		}
	}
	for err := range t.write(root) {
		report(err)
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

// A tree has the files of each directory.
type tree map[string][]file

// A file is a file with a text, or a link to a unit.
type file struct{ name, text, unit string }

// add adds the unit of a pool. With an error, the unit lacks something.
func (t tree) add(p *Pool, mounts map[string]string) error {
	name, err := unitName(p.Name)
	if err != nil {
		if p.Autostart {
			t.want(target, autostart, autostart)
		}
		return err
	}
	u, err := p.unit(name, mounts)
	text := fmt.Sprintf("# Written by poolctl-generator.\n[Unit]\n%s\n", strings.Join(u.settings, "\n"))
	t[name+".d"] = []file{{name: dropIn, text: text}}
	if p.Autostart {
		for _, other := range append(u.triggers, target) {
			t.want(other, name, template)
		}
	}
	return err
}

// want makes one unit want another, which a file defines.
func (t tree) want(other, name, definition string) {
	directory := other + ".wants"
	t[directory] = append(t[directory], file{name: name, unit: definition})
}

// write writes the tree below root, several directories at once, and sends the errors.
func (t tree) write(root *os.Root) <-chan error {
	directories, errs := make(chan string), make(chan error)
	go func() {
		defer close(directories)
		for directory := range t {
			directories <- directory
		}
	}()
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for directory := range directories {
				if err := writeDirectory(root, directory, t[directory]); err != nil {
					errs <- err
				}
			}
		})
	}
	go func() {
		defer close(errs)
		wait.Wait()
	}()
	return errs
}

// writeDirectory creates a directory with files. It goes on after an error.
func writeDirectory(root *os.Root, name string, files []file) error {
	if err := root.Mkdir(name, 0o755); err != nil {
		return err
	}
	directory, err := root.OpenRoot(name)
	if err != nil {
		return err
	}
	defer func() { _ = directory.Close() }()
	var errs []error
	for _, f := range files {
		if f.unit == "" {
			errs = append(errs, directory.WriteFile(f.name, []byte(f.text), 0o644))
		} else if err := directory.Symlink("../"+f.unit, f.name); !errors.Is(err, os.ErrExist) { // of another path
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
