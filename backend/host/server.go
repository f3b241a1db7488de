package host

import (
	"context"
	"net"
	"net/netip"
	"time"
)

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

// Reach implements Prober.
func (l *Local) Reach(ctx context.Context, address string) error {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return c.Close()
}
