// Command poolctl manages libvirt's storage pools and volumes without a daemon.
package main

import (
	"os"

	"golang.org/x/sys/unix"

	"poolctl/backend/host"
	"poolctl/commands"
)

func main() {
	noCoreDumps()
	os.Exit(commands.Main(commands.Signals(), &host.Local{}, os.Args[1:]))
}

// noCoreDumps keeps the values of secrets out of core dumps, ours and those of the programs that get them. It sets the limit and
// not PR_SET_DUMPABLE, which execve(2) resets.
func noCoreDumps() { _ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }
