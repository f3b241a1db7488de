package driver

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"poolctl/backend/host"
)

// TestRenameFollowedFaults makes each change of a rename fail whose overlays follow, and every later one,
// too. The overlays always find their backing file, and the same call goes on.
func TestRenameFollowedFaults(t *testing.T) {
	m := newMover(t)
	image := func(args ...string) string {
		out, err := exec.Command("qemu-img", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("qemu-img: %v: %s", err, out)
		}
		return string(out)
	}
	rename := func(h host.Host) error {
		m.d.Host, m.d.Backends = h, m.d.NewBackends(h)
		v, err := m.d.FindVolume(t.Context(), "base", "from")
		if err != nil {
			t.Fatal(err)
		}
		defer v.Unlock()
		return m.d.RenameVolume(t.Context(), v, "new", true)
	}
	overlays := []string{m.from + "/one", m.to + "/two"}
	for _, fault := range []failingHost{{}, {after: true}, {dead: true}, {after: true, dead: true}} {
		for nth := 1; ; nth++ {
			empty(t, m.from)
			empty(t, m.to)
			image("create", "-q", "-f", "qcow2", m.from+"/base", "1M")
			for _, overlay := range overlays {
				image("create", "-q", "-f", "qcow2", "-b", m.from+"/base", "-F", "qcow2", overlay)
			}
			h := fault
			h.Host, h.nth = &host.Local{}, nth
			err := rename(&h)
			for _, overlay := range overlays {
				if !strings.Contains(image("info", "--backing-chain", overlay), m.from) {
					t.Errorf("change %d of %+v: %s has no backing file", nth, fault, overlay)
				}
			}
			if h.count < nth {
				if err != nil || slices.Contains(names(t, m.from), "base") {
					t.Errorf("error %v, volumes %v", err, names(t, m.from))
				}
				break
			}
			if !errors.Is(err, errInjected) {
				t.Errorf("change %d of %+v: error %v", nth, fault, err)
			}
			if _, err := os.Stat(m.from + "/base"); err != nil {
				continue // the last change has happened despite its error
			}
			if err := rename(&host.Local{}); err != nil {
				t.Errorf("change %d of %+v: repeated: %v", nth, fault, err)
			}
		}
	}
}
