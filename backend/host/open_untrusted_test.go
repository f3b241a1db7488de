package host

import (
	"os"
	"testing"

	"poolctl/backend/host/safeopen"
)

// TestOpenUntrusted opens files that the kernel makes up, which must fail.
func TestOpenUntrusted(t *testing.T) {
	dir := t.TempDir()
	put(t, dir+"/file", nil)
	for path, stored := range map[string]bool{
		dir + "/file": true, dir: true, "/dev/null": true, "/dev/shm": true, "/proc/self/status": false, "/sys/kernel/uevent_seqnum": false, "/proc/kmsg": false,
	} {
		h, err := safeopen.OpenUntrusted(path)
		if err == nil {
			h.Close()
		}
		if os.IsNotExist(err) {
			notRun(t, "what the kernel makes up: "+err.Error())
		}
		if (err == nil) != stored {
			t.Errorf("%s: error %v", path, err)
		}
	}
}
