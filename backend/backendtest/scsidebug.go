package backendtest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poolctl/backend/host"
)

// SCSIDebug creates SCSI hosts with the kernel's scsi_debug module until the test ends (only in the lab). It
// returns their names, such as host0.
func SCSIDebug(t testing.TB, options ...string) []string {
	t.Helper()
	NeedsLab(t, "SCSI units")
	remove := func() {
		Eventually(t, "scsi_debug can be removed", func() bool { // udev may still be inspecting new devices
			return new(host.Local).Change(context.Background(),
				host.Cmd("modprobe", "-r", "scsi_debug")) == nil
		})
	}
	remove()
	Change(t, host.Cmd("modprobe", "-a", "sd_mod", "sr_mod"),
		host.Cmd("modprobe", append([]string{"scsi_debug"}, options...)...))
	t.Cleanup(remove)
	var hosts []string
	files, _ := filepath.Glob("/sys/class/scsi_host/*/proc_name")
	for _, f := range files {
		if name, _ := os.ReadFile(f); strings.TrimSpace(string(name)) == "scsi_debug" {
			hosts = append(hosts, filepath.Base(filepath.Dir(f)))
		}
	}
	if hosts == nil {
		t.Fatal("scsi_debug created no host")
	}
	return hosts
}
