package backend

import "poolctl/backend/fault"

// A StateError reports that storage is in a state in which an operation is impossible: in use, owned by
// something else, or missing.
type StateError struct {
	Text string
	Hint string // what to do about it, a command to type where possible; may be empty
}

func (e *StateError) Error() string { return e.Text }

// Kind implements [fault.Error].
func (*StateError) Kind() fault.Kind { return fault.State }

// HintLine implements [fault.Hinter].
func (e *StateError) HintLine() string { return e.Hint }
