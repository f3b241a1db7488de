package qemuimg

import (
	"os"
	"os/exec"
	"testing"

	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// TestProgress checks the reported progress of qemu-img.
func TestProgress(t *testing.T) {
	if _, err := exec.LookPath("qemu-img"); err != nil {
		backendtest.NotRun(t, err.Error())
	}
	dir := t.TempDir()
	const size = 64 << 20
	if err := os.WriteFile(dir+"/a", backendtest.Pattern(size, 1), 0o600); err != nil {
		t.Fatal(err)
	}
	var told []uint64
	progress := func(done, total uint64) {
		told = append(told, done)
		if total != size {
			t.Errorf("the total is %d", total)
		}
	}
	d := &pooldef.Volume{Name: "b", Target: pooldef.VolumeTarget{Format: "qcow2"}}
	backendtest.Change(t, Convert(
		opened(t, dir+"/a", "raw"), Made(dir+"/b", "qcow2", nil), d, "", host.Progress(progress),
	))
	if len(told) < 10 || told[0] > size/2 || told[len(told)-1] != size {
		t.Errorf("reported %v", told)
	}
	for i := range told[1:] {
		if told[i+1] < told[i] {
			t.Errorf("reported %v", told)
			break
		}
	}
}

// TestPercentsInPieces splits the output at every position.
func TestPercentsInPieces(t *testing.T) {
	text := []byte("    (0.00/100%)\r    (12.50/100%)\rconverting (a) (99.00/100%)\r (x/100%) (100.00/100%)\r\n")
	for first := range len(text) {
		var told []float64
		watch := percents(func(p float64) { told = append(told, p) })
		watch(text[:first])
		watch(text[first:])
		for _, p := range told {
			if p != 0 && p != 12.5 && p != 99 && p != 100 {
				t.Errorf("cut at %d, reported %v", first, told)
			}
		}
	}
}
