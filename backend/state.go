package backend

import "poolctl/fault"

// A StateError tells that storage is not in a state in which something could be done with it: in use, somebody else's, not there.
type StateError struct {
	Text string
	Hint string // what to do about it, a command to type where there is one; may be empty
}

func (e *StateError) Error() string { return e.Text }

// Kind implements [fault.Error].
func (*StateError) Kind() fault.Kind { return fault.State }

// HintLine implements [fault.Hinter].
func (e *StateError) HintLine() string { return e.Hint }
