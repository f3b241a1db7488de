package backend

import (
	"context"
	"errors"
)

// A SilentError tells that something has not answered in time: a server, or what is mounted of one that has gone. It is a
// context.DeadlineExceeded.
type SilentError struct{ Text string }

func (e *SilentError) Error() string { return e.Text }

// Unwrap makes it what it is.
func (e *SilentError) Unwrap() error { return context.DeadlineExceeded }

// IsLate tells whether something has failed because it had less time than ctx, and that is over.
func IsLate(ctx context.Context, err error) bool {
	return errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
}
