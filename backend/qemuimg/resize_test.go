package qemuimg

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"testing"

	"poolctl/backend/backendtest"
	"poolctl/backend/fault"
	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
	"poolctl/pooldef"
)

// TestResizable compares the table of formats with what qemu-img can do.
func TestResizable(t *testing.T) {
	for format := range formats {
		checkResizable(t, format)
	}
}

func checkResizable(t *testing.T, format string) {
	t.Helper()
	d := define(format, nil)
	for _, to := range []struct {
		size          uint64
		preallocation string
	}{{2 << 20, ""}, {2 << 20, "falloc"}, {1 << 19, ""}} {
		dir := t.TempDir()
		backendtest.Change(t, Create(d, dir, 1<<20, Image{}, nil, ""))
		resize := Resize(Made(dir+"/"+d.Name, format, nil), to.size, to.size < 1<<20, to.preallocation)
		failed := new(host.Local).Change(t.Context(), resize)
		says := CheckResize(&pooldef.Pool{Name: "p"}, d, to.size, to.preallocation != "")
		if (failed == nil) != (says == nil) {
			t.Errorf("%s to %d bytes: qemu-img says %v, the table %v", format, to.size, failed, says)
		}
		if says != nil && fault.Of(says) != fault.Unsupported {
			t.Errorf("%s: error %v", format, says)
		}
	}
}

// TestResizeSnapshots resizes images with internal snapshots. Upgrading an image as the hint says helps.
func TestResizeSnapshots(t *testing.T) {
	for compat, can := range map[string]bool{"0.10": false, "1.1": true} {
		path := made(t, t.TempDir()+"/v", "qcow2", "-o", "compat="+compat)
		qemu(t, "snapshot", "-c", "s", path)
		v := &pooldef.Volume{Type: "file", Target: pooldef.VolumeTarget{Path: path, Format: "qcow2"}}
		resize := func() error {
			h, err := safeopen.OpenPath(path)
			if err != nil {
				return err
			}
			image, err := OpenToResize(secrets, v, h, 2<<20, nil)
			if err == nil {
				image.Close()
			}
			return err
		}
		said := resize()
		failed := new(host.Local).Change(t.Context(), Resize(Made(path, "qcow2", nil), 2<<20, false, ""))
		if (said == nil) != can || (failed == nil) != can || !can && fault.Of(said) != fault.Unsupported {
			t.Errorf("compat %s: poolctl says %v, qemu-img %v", compat, said, failed)
		}
		qemu(t, "amend", "-f", "qcow2", "-o", "compat=1.1", path)
		if err := resize(); err != nil {
			t.Errorf("compat %s, upgraded: %v", compat, err)
		}
	}
}

// TestRounded compares rounded sizes with the capacities of images that qemu-img creates.
func TestRounded(t *testing.T) {
	sizes := []uint64{1, 512, 1000001, 1 << 20, 33554433, 1234567890, 136899993087, 136899993601, 1 << 40}
	for format, driver := range formats {
		if IsRaw(format) {
			continue
		}
		for _, size := range sizes {
			path := t.TempDir() + "/v"
			qemu(t, "create", "-q", "-f", driver, path, fmt.Sprint(size))
			var info struct {
				Size uint64 `json:"virtual-size"`
			}
			if err := json.Unmarshal(qemu(t, "info", "-f", driver, "--output=json", path), &info); err != nil {
				t.Fatal(err)
			}
			if got := Rounded(format, size); got != info.Size {
				t.Errorf("%s of %d bytes: got %d, want %d", format, size, got, info.Size)
			}
		}
	}
}

// qemu runs qemu-img and returns its output.
func qemu(t testing.TB, args ...string) []byte {
	t.Helper()
	out, err := exec.Command("qemu-img", args...).Output()
	if err != nil {
		t.Fatalf("qemu-img %q: %v", args, err)
	}
	return out
}
