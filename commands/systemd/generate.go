package systemd

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// MarkEnabled sets Enabled of the pools that systemctl enable has made poolctl-pools.target want, in one of
// the directories with units.
func MarkEnabled(pools []Pool, directories ...string) {
	enabled := map[string]bool{}
	for _, directory := range directories {
		links, _ := os.ReadDir(filepath.Join(directory, target+".wants")) // usually missing
		for _, link := range links {
			enabled[link.Name()] = true
		}
	}
	for i := range pools {
		name, err := unitName(pools[i].Name)
		pools[i].Enabled = err == nil && enabled[name]
	}
}

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
	for _, err := range t.write(root) {
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

// A tree has the settings of units, each of one line.
type tree map[string][]string

// remoteMount are the settings of a mount that systemd gives a network file system (systemd.mount(5)), so
// that it is unmounted while the network is there.
var remoteMount = []string{
	"DefaultDependencies=no",
	"Conflicts=umount.target",
	"Before=umount.target remote-fs.target",
	"After=remote-fs-pre.target network.target network-online.target",
}

// add adds the unit of a pool. With an error, the unit lacks something.
func (t tree) add(p *Pool, mounts map[string]string) error {
	name, err := unitName(p.Name)
	if err != nil {
		if p.Autostart {
			t.want(target, autostart)
		}
		return err
	}
	u, err := p.unit(name, mounts)
	t[name] = u.settings
	if p.IsHidden {
		for _, mount := range p.mountUnit() {
			t[mount] = append(t[mount], remoteMount...)
		}
	}
	if p.Autostart {
		t.want(target, name)
	}
	if p.Autostart || p.Enabled {
		for _, other := range u.triggers {
			t.want(other, name)
		}
	}
	return err
}

// want makes one unit want another, if it does not yet.
func (t tree) want(unit, other string) {
	setting := "Wants=" + other
	if all := t[unit]; len(all) == 0 || all[len(all)-1] != setting {
		t[unit] = append(all, setting)
	}
}

// write writes the drop-in of each unit, several at once. It goes on after an error.
func (t tree) write(root *os.Root) []error {
	names := slices.Sorted(maps.Keys(t))
	errs := make([]error, len(names))
	var next atomic.Int64
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(names)); i = next.Add(1) - 1 {
				errs[i] = writeDropIn(root, names[i], t[names[i]])
			}
		})
	}
	wait.Wait()
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

func writeDropIn(root *os.Root, unit string, settings []string) error {
	if err := root.Mkdir(unit+".d", 0o755); err != nil {
		return err
	}
	text := "# Written by poolctl-generator.\n[Unit]\n" + strings.Join(settings, "\n") + "\n"
	return root.WriteFile(unit+".d/"+dropIn, []byte(text), 0o644)
}
