package host

import (
	"context"
	"fmt"
	"time"

	"poolctl/backend/host/shell"
)

// Await waits until udev has created the node of a new device, or a link to it. It changes nothing, but the
// next steps need the node.
type Await struct {
	Path string
	Is   func(Devices) bool // reports whether it exists
}

// kernelLimit is how long the kernel alone may take to create a node, where udev does not run.
const kernelLimit = 10 * time.Second

// Shell implements Step.
func (a Await) Shell() string {
	return fmt.Sprintf("udevadm wait --timeout=%d %s", UdevLimit/time.Second, shell.Quote(a.Path))
}

func (a Await) apply(ctx context.Context, l *Local) error {
	limit := UdevLimit
	if !udevRuns() {
		limit = kernelLimit
	}
	for end := time.Now().Add(limit); !a.Is(l); {
		if time.Now().After(end) {
			return fmt.Errorf("%q has not appeared: is udev running?", a.Path)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}
