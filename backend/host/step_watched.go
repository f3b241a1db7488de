package host

import (
	"context"
	"time"
)

// Watched is a step that is cancelled when it would wait forever. Lost, called at each interval, reports
// that.
type Watched struct {
	Step
	Interval time.Duration
	Lost     func(Devices) bool
}

func (w Watched) apply(ctx context.Context, l *Local) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ticks := time.NewTicker(w.Interval)
	defer ticks.Stop()
	go func() {
		for ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-ticks.C:
				if w.Lost(l) {
					cancel()
				}
			}
		}
	}()
	return w.Step.apply(ctx, l)
}
