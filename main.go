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
// not PR_SET_DUMPABLE, which execve(2) resets. A limit of 1 is too little for a file, and the kernel then starts no program for the
// dump either (core_pattern with a pipe, core(5)), which it does with 0 (do_coredump of its fs/coredump.c).
func noCoreDumps() { _ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1, Max: 1}) }
