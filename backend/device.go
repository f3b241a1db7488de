package backend

import (
	"fmt"
	"strings"

	"poolctl/backend/host"
	"poolctl/fault"
)

// A BusyError tells that something cannot be had, and who has it.
type BusyError struct {
	Path  string   // a device or directory
	Users []string // in words; empty: that is not known
}

func (e *BusyError) Error() string {
	if len(e.Users) == 0 {
		return fmt.Sprintf("%q is in use", e.Path)
	}
	return fmt.Sprintf("%q is in use: %s", e.Path, strings.Join(e.Users, ", "))
}

// Kind implements [fault.Error].
func (*BusyError) Kind() fault.Kind { return fault.State }

// A ContentError tells that a device does not hold what it should.
type ContentError struct {
	Pool, Device string
	Holds        string // in blkid's words; empty: nothing
	Want         string // empty: it should hold nothing
}

func (e *ContentError) Error() string {
	switch {
	case e.Want == "":
		return fmt.Sprintf("%q is not empty: it holds %s", e.Device, e.Holds)
	case e.Holds == "":
		return fmt.Sprintf("%q is not formatted", e.Device)
	}
	return fmt.Sprintf("%q holds %s, not %s", e.Device, e.Holds, e.Want)
}

// Kind implements [fault.Error].
func (*ContentError) Kind() fault.Kind { return fault.State }

// HintLine implements [fault.Hinter].
func (e *ContentError) HintLine() string {
	switch {
	case e.Want == "":
		return "--overwrite destroys that"
	case e.Holds == "":
		return "poolctl pool-build --no-overwrite " + host.Quote(e.Pool)
	}
	return ""
}
