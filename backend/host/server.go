package host

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// Answers implements Prober, by statfs(2). A call to a server that has gone does not end before the process does.
func (l *Local) Answers(ctx context.Context, path string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		var st unix.Statfs_t
		done <- pathError("statfs", path, again(func() error { return unix.Statfs(path, &st) }))
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("what is mounted at %q does not answer: %w", path, ctx.Err())
	}
}

// Addresses implements Prober.
func (l *Local) Addresses(ctx context.Context, name string, limit time.Duration) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	for i := range all {
		all[i] = all[i].Unmap()
	}
	return all, err
}
