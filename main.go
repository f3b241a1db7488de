// Command poolctl manages libvirt storage pools and volumes without a daemon.
package main

import (
	"os"

	"poolctl/backend/host"
	"poolctl/commands"
)

func main() {
	os.Exit(commands.Main(commands.Signals(os.Args), &host.Local{}, os.Args))
}
