package host

import (
	"context"
	"time"
)

// Sleep waits for d. If ctx ends earlier, Sleep returns ctx's error at once.
func Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
