package commands

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Signals returns a context that ends at the first signal that asks the process to end: the verb then undoes
// what it began. A second signal ends the process at once. SIGHUP is handled only if it is not ignored, as it
// is under nohup(1). args begins with the program's name: --version has nothing to undo, so that signals end
// the process at once.
func Signals(args []string) context.Context {
	if isOnlyVersion(args[1:]) {
		return context.Background()
	}
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, stop)
	return ctx
}
