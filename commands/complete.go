package commands

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"

	"poolctl/commands/manual"
	"poolctl/pooldef"
)

// Complete is the hidden verb __complete, which prints the candidates for the last word of a command line.
// See [manual.Complete] for its arguments. A shell waits for the output, so __complete waits for no lock and
// reports no errors.
type Complete struct {
	Words []string `arg:"" optional:""`
}

// Run prints candidates.
func (c *Complete) Run(e *env) error {
	manual.Complete(e.Data, e.kong.Model, candidates{e}, c.Words)
	return nil
}

// candidates implements [manual.Source].
type candidates struct{ *env }

// UseOptions implements [manual.Source]. Options of poolctl's own command line come first.
func (c candidates) UseOptions(given map[string]string) error {
	g := &c.cli.Globals
	g.On = cmp.Or(given["on"], g.On)
	for _, option := range []struct {
		value     *string
		name, env string
	}{
		{&g.ConfigDir, "config-dir", "POOLCTL_CONFIG_DIR"}, {&g.RunDir, "run-dir", "POOLCTL_RUN_DIR"},
		{&g.LibvirtDir, "libvirt-dir", "POOLCTL_LIBVIRT_DIR"}, {&g.Connect, "connect", ""},
		{&g.LibvirtStateDir, "libvirt-state-dir", "POOLCTL_LIBVIRT_STATE_DIR"},
	} {
		if value := given[option.name]; value != "" && *option.value == os.Getenv(option.env) {
			*option.value = value
		}
	}
	return c.setDirectories()
}

// Fields implements [manual.Source].
func (c candidates) Fields(verb string) []string {
	switch {
	case verb == "vol-snapshot-list":
		return snapshotFields
	case verb == "vol-users":
		return userFields
	case strings.HasPrefix(verb, "vol-"):
		return volumeFields
	case strings.HasPrefix(verb, "secret-"):
		return secretFields
	}
	return poolFields
}

// Findings implements [manual.Source].
func (candidates) Findings(optional bool) []manual.Candidate { return findings(optional) }

// Pools implements [manual.Source].
func (c candidates) Pools(verb string) []string {
	switch {
	case c.cli.On != "": // on other machines
		return nil
	case verb == "import":
		return c.libvirtPools()
	}
	want, limited := poolStates[verb]
	if strings.HasPrefix(verb, "vol-") {
		want, limited = true, true
	}
	var names []string
	for _, s := range c.driver.Statuses(c.ctx, c.driver.PoolsNamed(""), nil) {
		if !limited || s.Active == want {
			names = append(names, s.Entry.Name)
		}
	}
	return names
}

// libvirtPools returns the names of the pools that libvirt defines.
func (c candidates) libvirtPools() []string {
	entries, _ := c.driver.Store.Libvirt(filepath.Join(c.driver.Store.LibvirtDir, "storage")).All()
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name
	}
	return names
}

// poolStates has the verbs that need an active pool (true) or an inactive one (false).
var poolStates = map[string]bool{
	"pool-start": false, "pool-delete": false, "pool-build": false, "pool-undefine": false,
	"pool-destroy": true, "pool-refresh": true,
}

// PoolTypes implements [manual.Source].
func (c candidates) PoolTypes(pool string) []pooldef.Type {
	var types []pooldef.Type
	for _, entry := range c.driver.PoolsNamed(pool) {
		types = append(types, entry.Current().Type)
	}
	return types
}

// Volumes implements [manual.Source].
func (c candidates) Volumes(pool string, paths bool) []string {
	var names []string
	if c.cli.On != "" {
		return nil
	}
	for _, v := range c.driver.LocalVolumes(c.ctx, pool) {
		if paths {
			names = append(names, v.Target.Path)
		} else {
			names = append(names, v.Name)
		}
	}
	return names
}

// Snapshots implements [manual.Source].
func (c candidates) Snapshots(volume, pool string) []string {
	var names []string
	for _, s := range c.driver.LocalSnapshots(c.ctx, volume, pool) {
		names = append(names, s.Name)
	}
	return names
}

// Secrets implements [manual.Source].
func (c candidates) Secrets() []string {
	if c.cli.On != "" {
		return nil
	}
	entries, _ := c.driver.Store.Secrets()
	var ids []string
	for _, entry := range entries {
		if entry.Err == nil {
			ids = append(ids, entry.UUID)
		}
	}
	return ids
}
