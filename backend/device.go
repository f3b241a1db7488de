package backend

import (
	"fmt"
	"strings"

	"poolctl/backend/fault"
	"poolctl/backend/host/shell"
)

// A BusyError reports that a device or directory is in use, and by whom.
type BusyError struct {
	Path  string   // of a device or directory
	Users []string // descriptions of the users; empty: unknown
}

func (e *BusyError) Error() string {
	if len(e.Users) == 0 {
		return fmt.Sprintf("%q is in use", e.Path)
	}
	return fmt.Sprintf("%q is in use: %s", e.Path, strings.Join(e.Users, ", "))
}

// Kind implements [fault.Error].
func (*BusyError) Kind() fault.Kind { return fault.State }

// A ContentError reports that a device does not contain what it should.
type ContentError struct {
	Pool, Device string
	Holds        string // the content, named as blkid(8) names it; empty: nothing
	Want         string // empty: the device should be empty
}

func (e *ContentError) Error() string {
	switch {
	case e.Want == "":
		return fmt.Sprintf("%q is not empty: it contains %s", e.Device, e.Holds)
	case e.Holds == "":
		return fmt.Sprintf("%q is not formatted", e.Device)
	}
	return fmt.Sprintf("%q contains %s, not %s", e.Device, e.Holds, e.Want)
}

// Kind implements [fault.Error].
func (*ContentError) Kind() fault.Kind { return fault.State }

// HintLine implements [fault.Hinter].
func (e *ContentError) HintLine() string {
	switch {
	case e.Want == "":
		return "--overwrite destroys it"
	case e.Holds == "":
		return "poolctl pool-build --no-overwrite " + shell.Quote(e.Pool)
	}
	return ""
}
