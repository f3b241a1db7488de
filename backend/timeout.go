package backend

import (
	"context"
	"errors"
	"fmt"

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

// An UnreachableError reports that a server does not accept connections, or that its name is not known. As
// with a TimeoutError, trying again later may help.
type UnreachableError struct {
	Server string // such as: the server 192.0.2.1:3260
	Err    error  // why; may be nil
}

func (e *UnreachableError) Error() string {
	if e.Err == nil {
		return e.Server + " cannot be reached"
	}
	return fmt.Sprintf("%s cannot be reached: %v", e.Server, e.Err)
}

// Kind implements [fault.Error].
func (*UnreachableError) Kind() fault.Kind { return fault.Timeout }

// Unwrap returns Err.
func (e *UnreachableError) Unwrap() error { return e.Err }

// IsUnusable reports whether an error means that a pool cannot be active now: its storage is in the wrong
// state, or its server cannot be reached.
func IsUnusable(err error) bool {
	return errors.As(err, new(*StateError)) || errors.As(err, new(*UnreachableError))
}

// IsTimeout reports whether err is a timeout of an operation's own limit, while ctx itself is still valid.
func IsTimeout(ctx context.Context, err error) bool {
	return errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
}
