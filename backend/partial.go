package backend

import "poolctl/backend/fault"

// A PartialError reports that a listing lacks volumes, because a part of the pool's storage is missing. The
// other volumes can be used.
type PartialError struct{ Reason error }

func (e *PartialError) Error() string { return e.Reason.Error() }

// Kind implements [fault.Error].
func (e *PartialError) Kind() fault.Kind { return fault.Of(e.Reason) }

// Unwrap returns the reason.
func (e *PartialError) Unwrap() error { return e.Reason }
