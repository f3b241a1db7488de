package scsivol

import "testing"

func TestOnlyLooks(t *testing.T) {
	for process, want := range map[string]bool{
		"process 1 ((udev-worker))": true, "process 1 (scsi_id)": true, "process 1 (multipathd)": true,
		"process 1 (qemu-system-x86)": false, "process 1 (my-multipathd-2)": false, "process 1 (xscsi_id)": false,
	} {
		if isInspector(process) != want {
			t.Errorf("%s: only looks is %v", process, !want)
		}
	}
}
