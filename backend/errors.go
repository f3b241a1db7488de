package backend

import (
	"fmt"
	"io/fs"

	"poolctl/backend/fault"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// ErrNoVolume is wrapped by the errors of Volume, Delete and Rename if the volume does not exist.
var ErrNoVolume = fault.New(fault.NotFound, "Storage volume not found")

// An ExistsError reports that a volume has the name that another one should get. It wraps [fs.ErrExist].
type ExistsError struct {
	Path       string // path, device or URI of the volume that exists
	Incomplete bool   // another process is just creating it
}

func (e *ExistsError) Error() string {
	if e.Incomplete {
		return fmt.Sprintf("another process is creating %q", e.Path)
	}
	return fmt.Sprintf("%q exists already", e.Path)
}

// Unwrap returns fs.ErrExist.
func (*ExistsError) Unwrap() error { return fs.ErrExist }

// Kind implements [fault.Error].
func (*ExistsError) Kind() fault.Kind { return fault.Conflict }

// An UnsupportedError reports that pools of a type do not support an operation.
type UnsupportedError struct {
	Type pooldef.Type
	What string // such as "pool deletion"; empty: the type has no backend
	Hint string // what to do instead; may be empty
}

func (e *UnsupportedError) Error() string {
	if e.What == "" {
		return fmt.Sprintf("this version of poolctl does not support pools of type %s", e.Type)
	}
	return fmt.Sprintf("pools of type %s do not support %s", e.Type, e.What)
}

// Kind implements [fault.Error].
func (*UnsupportedError) Kind() fault.Kind { return fault.Unsupported }

// HintLine implements [fault.Hinter].
func (e *UnsupportedError) HintLine() string { return e.Hint }

// An ExternalDataError reports that part of a volume's content is in other files, which only the volume's
// header names. Since anybody who can write to the volume could name any file of the machine there, poolctl
// does not read, write or wipe these files.
type ExternalDataError struct{ Path string }

func (e *ExternalDataError) Error() string {
	return fmt.Sprintf("%q keeps its data in other files, which poolctl does not access", e.Path)
}

// Kind implements [fault.Error].
func (*ExternalDataError) Kind() fault.Kind { return fault.Unsupported }

// A NotReadyError reports that the directory of a pool's volumes cannot be used.
type NotReadyError struct {
	Pool  string
	Path  string
	Build bool // nothing exists at Path; building the pool may help
	Start bool // starting the pool would mount the directory
	// Link, if not nil, is the symbolic link on Path because of which nothing is there.
	Link *safeopen.DanglingError
}

func (e *NotReadyError) Error() string {
	switch {
	case e.Link != nil:
		return e.Link.Error()
	case e.Build:
		return fmt.Sprintf("the directory %q does not exist", e.Path)
	case e.Start:
		return fmt.Sprintf("nothing is mounted at %q", e.Path)
	}
	return fmt.Sprintf("%q must be a mount point, and nothing is mounted there", e.Path)
}

// Kind implements [fault.Error].
func (*NotReadyError) Kind() fault.Kind { return fault.State }

// HintLine implements [fault.Hinter].
func (e *NotReadyError) HintLine() string {
	switch {
	case e.Link != nil:
		return e.Link.HintLine()
	case e.Build:
		return "poolctl pool-build " + shell.Quote(e.Pool)
	case e.Start:
		return "poolctl pool-start " + shell.Quote(e.Pool)
	}
	return "mount " + shell.Quote(e.Path)
}
