package backend

import (
	"context"
	"errors"

	"poolctl/backend/fault"
)

// A TimeoutError reports that a server, or a mount whose server is gone, did not answer in time. It wraps
// context.DeadlineExceeded.
type TimeoutError struct{ Text string }

func (e *TimeoutError) Error() string { return e.Text }

// Kind implements [fault.Error].
func (*TimeoutError) Kind() fault.Kind { return fault.Timeout }

// Unwrap returns context.DeadlineExceeded.
func (e *TimeoutError) Unwrap() error { return context.DeadlineExceeded }

// IsTimeout reports whether err is a timeout of an operation's own limit, while ctx itself is still valid.
func IsTimeout(ctx context.Context, err error) bool {
	return errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
}
