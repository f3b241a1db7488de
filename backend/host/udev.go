package host

import (
	"context"
	"fmt"
	"os"
	"time"
)

// UdevLimit is how long udev may take for the devices that come and go: the limit of "udevadm settle" when it is given none (udevadm(8)),
// which is what libvirt runs (virFileWaitForDevices). A host that boots, or has a load of 20, needs more than ten seconds for
// some hundred units. Nobody waits that long where udev is done sooner.
const UdevLimit = 2 * time.Minute

// Settle waits until udev has processed the devices that have come and gone, for UdevLimit at most. It does not wait where udev does not
// run. Running out of time is no error: the change itself has been made.
func Settle(ctx context.Context, h Host) {
	if udevRuns() {
		_, _ = h.Query(ctx, Cmd("udevadm", "settle", fmt.Sprintf("--timeout=%d", UdevLimit/time.Second)))
	}
}

func udevRuns() bool {
	_, err := os.Stat("/run/udev/control")
	return err == nil
}

// IsUdevBusy reports whether udev still has devices to process. This file is what "udevadm settle" waits for, too (udev_queue_is_empty of
// systemd's src/shared/udev-util.c).
func IsUdevBusy() bool {
	_, err := os.Stat("/run/udev/queue")
	return err == nil
}
