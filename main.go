// Command poolctl manages libvirt's storage pools and volumes without a daemon.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"poolctl/backend/host"
	"poolctl/commands"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-ctx.Done()
		stop() // a second signal ends us at once
	}()
	os.Exit(commands.Main(ctx, &host.Local{}, os.Args[1:]))
}
