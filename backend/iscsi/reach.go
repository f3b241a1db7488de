package iscsi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
)

// dial connects to a portal. If the portal does not answer within the limit, the error is a TimeoutError.
func dial(ctx context.Context, n host.Network, limit time.Duration, at portal) (net.Conn, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c, err := n.Dial(limited, at.String())
	switch {
	case err == nil:
		return c, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return nil, &backend.TimeoutError{Text: fmt.Sprintf("the server %s does not answer", at)}
	}
	return nil, &backend.UnreachableError{Server: "the server " + at.String(), Err: err}
}

func isTimeout(err error) bool {
	timeout := (interface{ Timeout() bool })(nil)
	return errors.As(err, &timeout) && timeout.Timeout()
}

// reachable returns the portals that accept connections, and the errors of the others.
func reachable(ctx context.Context, n host.Network, limit time.Duration, portals []portal) ([]portal, error) {
	var found []portal
	var all error
	for _, at := range portals {
		c, err := dial(ctx, n, limit/time.Duration(len(portals)), at)
		if err != nil {
			all = errors.Join(all, err)
			continue
		}
		c.Close()
		found = append(found, at)
	}
	return found, all
}
