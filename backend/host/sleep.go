package host

import (
	"context"
	"time"
)

// Sleep waits between two looks at something. If ctx ends meanwhile, it returns ctx's error at once.
func Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
