// Command poolctl manages libvirt storage pools and volumes without a daemon.
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

// noCoreDumps keeps secret values out of the core dumps of this process and of the programs that receive
// secrets. It sets the resource limit, because execve(2) resets PR_SET_DUMPABLE. The limit is 1, not 0: one
// byte is too little for a core file, and with 0 the kernel would still start the program of a core_pattern
// with a pipe (core(5); do_coredump in the kernel's fs/coredump.c).
func noCoreDumps() { _ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1, Max: 1}) }
