package host

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// Addresses implements Network.
func (l *Local) Addresses(ctx context.Context, name string, limit time.Duration) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	for i := range all {
		all[i] = all[i].Unmap()
	}
	return all, err
}

// Dial implements Network.
func (l *Local) Dial(ctx context.Context, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}
