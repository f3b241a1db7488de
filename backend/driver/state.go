package driver

import (
	"fmt"

	"poolctl/backend/fault"
	"poolctl/backend/host/shell"
)

// An ActiveError reports that a pool is active already.
type ActiveError struct{ Pool string }

func (e *ActiveError) Error() string { return fmt.Sprintf("pool %q is already active", e.Pool) }

// Kind implements [fault.Error].
func (*ActiveError) Kind() fault.Kind { return fault.State }

// HintLine implements [fault.Hinter].
func (e *ActiveError) HintLine() string {
	return shell.Join("poolctl", "pool-destroy", e.Pool) + " stops it"
}

// An InactiveError reports that a pool is not active.
type InactiveError struct {
	Pool    string
	stopped bool // the pool should be stopped, so there is nothing to do
}

func (e *InactiveError) Error() string { return fmt.Sprintf("pool %q is not active", e.Pool) }

// Kind implements [fault.Error].
func (*InactiveError) Kind() fault.Kind { return fault.State }

// HintLine implements [fault.Hinter].
func (e *InactiveError) HintLine() string {
	if e.stopped {
		return ""
	}
	return shell.Join("poolctl", "pool-start", e.Pool)
}

// A TransientError reports that a pool has no definition.
type TransientError struct{ Pool, Hint string }

func (e *TransientError) Error() string {
	return fmt.Sprintf("pool %q is transient: it has no definition", e.Pool)
}

// Kind implements [fault.Error].
func (*TransientError) Kind() fault.Kind { return fault.State }

// HintLine implements [fault.Hinter].
func (e *TransientError) HintLine() string { return e.Hint }

// A ByLibvirtError reports that libvirt has started a pool, so that only libvirt can stop it.
type ByLibvirtError struct{ Pool string }

func (e *ByLibvirtError) Error() string { return fmt.Sprintf("libvirt has started pool %q", e.Pool) }

// Kind implements [fault.Error].
func (*ByLibvirtError) Kind() fault.Kind { return fault.State }

// HintLine implements [fault.Hinter].
func (e *ByLibvirtError) HintLine() string { return shell.Join("virsh", "pool-destroy", e.Pool) }
