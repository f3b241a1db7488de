package desired

import (
	"fmt"

	"poolctl/backend/fault"
	"poolctl/backend/host/shell"
)

// The actions of changes.
const (
	Define      = "define"
	Redefine    = "redefine"
	Adopt       = "adopt"
	Restart     = "restart"
	Build       = "build"
	Start       = "start"
	Stop        = "stop"
	Permissions = "permissions"
	Autostart   = "autostart"
	Undefine    = "undefine"
	Create      = "create"
	Resize      = "resize"
	Replace     = "replace" // never done: the volume would have to be made again
	Delete      = "delete"
	Compare     = "compare" // what differs is not known until a pool is active
)

// A Change is a difference between the machine and what should be.
type Change struct {
	Pool, Volume    string // Volume is empty for a pool
	Action          string
	Field, From, To string
	// Needs is the option without which the change is only reported, such as --restart; empty: none.
	Needs string
	Err   error // why the change cannot be made, or has failed
	Done  bool
}

// Kind returns what the change is about.
func (c *Change) Kind() string {
	if c.Volume != "" {
		return "volume"
	}
	return "pool"
}

// A GoneError reports that the storage of a pool is missing although apply has built it.
type GoneError struct{ Pool, Set string }

func (e *GoneError) Error() string {
	text := "its storage is missing, although apply has built it"
	if e.Set != "" {
		text += fmt.Sprintf(" for the set %q", e.Set)
	}
	return text
}

// Kind implements [fault.Error].
func (*GoneError) Kind() fault.Kind { return fault.State }

// HintLine implements [fault.Hinter].
func (e *GoneError) HintLine() string {
	return "if it is lost: " + shell.Join("poolctl", "apply", "--rebuild", e.Pool)
}

// A ForeignError reports that another set manages a pool.
type ForeignError struct{ Set string }

func (e *ForeignError) Error() string { return fmt.Sprintf("the set %q manages it", e.Set) }

// Kind implements [fault.Error].
func (*ForeignError) Kind() fault.Kind { return fault.Conflict }

// HintLine implements [fault.Hinter].
func (*ForeignError) HintLine() string { return "--adopt takes it into this set" }

// An UnchangeableError reports that only a new volume could be as it should be.
type UnchangeableError struct{}

func (*UnchangeableError) Error() string { return "cannot be changed" }

// Kind implements [fault.Error].
func (*UnchangeableError) Kind() fault.Kind { return fault.Unsupported }

// A NeedsError reports that something was left out because what it needs has failed.
type NeedsError struct{ Needed string }

func (e *NeedsError) Error() string {
	return "not handled: it needs " + e.Needed + ", which has failed"
}

// Kind implements [fault.Error].
func (*NeedsError) Kind() fault.Kind { return fault.State }
