package commands

import (
	"fmt"
	"slices"

	"poolctl/backend/host/shell"
	"poolctl/commands/terminal"
	"poolctl/format"
)

// relisted are the verbs after which libvirt's list of a pool's volumes is out of date.
var relisted = []string{
	"vol-create", "vol-create-as", "vol-create-from", "vol-clone", "vol-fetch", "vol-delete", "vol-rename",
	"vol-move", "vol-resize",
}

// hintRefresh tells a user at a terminal that a running libvirt, which has the same pool, does not see the
// change to the volumes yet.
func (e *env) hintRefresh() {
	if e.Quiet || e.DryRun || e.asVirsh || !terminal.IsWatched() || !slices.Contains(relisted, e.verb) {
		return
	}
	name, _ := selectedVerb{e.command.Selected()}.value("pool")
	if name == "" { // the volume is given by its path
		return
	}
	entry, err := e.driver.FindPool(name)
	if err != nil {
		return
	}
	if name := e.driver.Store.LibvirtName(entry.Current()); name != "" {
		command := shell.Join("virsh", "pool-refresh", name)
		fmt.Fprintln(e.Stderr, "hint: "+format.Line(command)+" shows it to libvirt")
	}
}
