package backend

import (
	"context"
	"errors"

	"poolctl/fault"
)

// A TimeoutError tells that something has not answered in time: a server, or what is mounted of one that has gone. It is a
// context.DeadlineExceeded.
type TimeoutError struct{ Text string }

func (e *TimeoutError) Error() string { return e.Text }

// Kind implements [fault.Error].
func (*TimeoutError) Kind() fault.Kind { return fault.Timeout }

// Unwrap makes it what it is.
func (e *TimeoutError) Unwrap() error { return context.DeadlineExceeded }

// IsTimeout tells whether something has failed because it had less time than ctx, and that is over.
func IsTimeout(ctx context.Context, err error) bool {
	return errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
}
