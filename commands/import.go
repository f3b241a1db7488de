package commands

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"poolctl/backend/fault"
	"poolctl/backend/host/shell"
	"poolctl/format"
	"poolctl/pooldef/store"
)

// Import is the verb import.
type Import struct {
	Pools   []string `arg:"" optional:"" name:"pool" help:"Names or uuids of libvirt's pools. Default: all."`
	From    string   `placeholder:"DIR" help:"Directory of libvirt's pools (the directory storage in --libvirt-dir)."`
	Secrets bool     `help:"Also libvirt's secrets, with their values."`
	Update  bool     `help:"Replace definitions and values that differ from libvirt's."`
	changing
}

// Help implements kong.HelpProvider.
func (*Import) Help() string {
	return "Copies libvirt's definitions of pools, and whether they start at boot. A pool that libvirt runs " +
		"is then active in poolctl, too. Nothing of libvirt's is changed. What poolctl has already is not: " +
		"without --update, a pool that differs is reported. Pools that cannot be imported do not stop the " +
		"others; the exit status is then 9.\n\n" +
		"  poolctl import --dry-run\n" +
		"  poolctl import --secrets\n" +
		"  poolctl import images --update\n" +
		"  poolctl import --from /mnt/old/etc/libvirt/storage"
}

// Run imports pools, then secrets.
func (c *Import) Run(e *env) error {
	libvirt, err := c.libvirt(e)
	if err != nil {
		return err
	}
	entries, err := c.selected(libvirt)
	if err != nil {
		return err
	}
	failed, marked := false, []string(nil)
	report := func(what, verb string, changed bool, err error) {
		if e.settle(err); err != nil {
			failed = true
			e.reportPart(fmt.Errorf("import %s: %w", verb, err))
		} else if changed {
			e.Say("%s imported", what)
		} else {
			e.Say("%s is imported already", what)
		}
	}
	if c.Secrets { // first, because pools name them
		err := e.driver.ImportSecrets(e.ctx, libvirt, c.Update, func(id string, changed bool, err error) {
			report("Secret "+id, "secret "+id, changed, err)
		})
		if err != nil {
			return err
		}
	}
	for _, entry := range entries {
		for _, w := range entry.Warnings {
			e.Warn("%w", w)
		}
		changed, err := e.driver.ImportPool(e.ctx, entry, c.Update)
		e.reportPool(entry.Name)
		report("Pool "+entry.Name, fmt.Sprintf("pool %q", entry.Name), changed, err)
		if err == nil && entry.Autostart {
			marked = append(marked, entry.Name)
		}
	}
	e.hintAutostart(marked)
	if failed {
		return errPartial
	}
	return nil
}

// libvirt returns a store of libvirt's pools.
func (c *Import) libvirt(e *env) (*store.Store, error) {
	own := e.driver.Store
	dir := c.From
	if dir == "" {
		dir = filepath.Join(own.LibvirtDir, "storage")
	}
	dir, err := filepath.Abs(dir)
	switch {
	case err != nil:
		return nil, err
	case dir == filepath.Clean(own.ConfigDir):
		const text = "%q is poolctl's config directory: there is nothing to import"
		return nil, &usageError{text: fmt.Sprintf(text, dir)}
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, &noLibvirtError{err}
	}
	return own.Libvirt(dir), nil
}

// selected returns the pools that the command line names, or all.
func (c *Import) selected(libvirt *store.Store) ([]*store.Entry, error) {
	all, err := libvirt.All()
	if err != nil || len(c.Pools) == 0 {
		return all, err
	}
	var entries []*store.Entry
	for _, name := range c.Pools {
		i := slices.IndexFunc(all, func(entry *store.Entry) bool {
			return entry.Name == name || entry.Persistent != nil && entry.Persistent.UUID == name
		})
		if i < 0 {
			return nil, &noLibvirtError{fmt.Errorf("there is no pool %q in %s", name, libvirt.ConfigDir)}
		}
		entries = append(entries, all[i])
	}
	return entries, nil
}

// hintAutostart prints the commands after which libvirt no longer starts imported pools at boot.
func (e *env) hintAutostart(pools []string) {
	if e.Quiet {
		return
	}
	for _, name := range pools {
		command := shell.Join("virsh", "pool-autostart", "--disable", name)
		fmt.Fprintln(e.Stderr, "hint: "+format.Line(command)+" leaves the start at boot to poolctl")
	}
}

// A noLibvirtError reports that libvirt's pools, or one of them, do not exist.
type noLibvirtError struct{ err error }

func (e *noLibvirtError) Error() string { return "libvirt's pools: " + e.err.Error() }

// Kind implements [fault.Error].
func (e *noLibvirtError) Kind() fault.Kind { return fault.NotFound }

// HintLine implements [fault.Hinter].
func (*noLibvirtError) HintLine() string { return "--from names the directory of libvirt's pools" }

func (e *noLibvirtError) Unwrap() error { return e.err }
