// Command poolctl manages libvirt's storage pools and volumes without a daemon.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"poolctl/backend/host"
	"poolctl/commands"
)

func main() {
	noCoreDumps()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-ctx.Done()
		stop() // a second signal ends us at once
	}()
	os.Exit(commands.Main(ctx, &host.Local{}, os.Args[1:]))
}

// noCoreDumps keeps the values of secrets out of core dumps, ours and those of the programs that get them. It sets the limit and
// not PR_SET_DUMPABLE, which execve(2) resets.
func noCoreDumps() { _ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }
