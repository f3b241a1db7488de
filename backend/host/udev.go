package host

import (
	"context"
	"fmt"
	"os"
	"time"
)

// UdevLimit is how long udev may take to process new and removed devices: the default of "udevadm settle"
// (udevadm(8)), which is what libvirt runs (virFileWaitForDevices). A host that boots, or has a load of 20,
// needs more than ten seconds for some hundred LUNs. If udev finishes earlier, the wait ends.
const UdevLimit = 2 * time.Minute

// Settle waits until udev has processed new and removed devices, for at most UdevLimit. It does not wait
// where udev does not run. A timeout is no error, because the change itself has been made.
func Settle(ctx context.Context, h Host) {
	if udevRuns() {
		_, _ = h.Query(ctx, Cmd("udevadm", "settle", fmt.Sprintf("--timeout=%d", UdevLimit/time.Second)))
	}
}

func udevRuns() bool {
	_, err := os.Stat("/run/udev/control")
	return err == nil
}

// IsUdevBusy reports whether udev still has devices to process. It checks the file that "udevadm settle"
// waits for (udev_queue_is_empty of systemd's src/shared/udev-util.c).
func IsUdevBusy() bool {
	_, err := os.Stat("/run/udev/queue")
	return err == nil
}
