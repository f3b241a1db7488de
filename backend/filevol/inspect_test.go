package filevol

import (
	"os"
	"testing"

	"poolctl/backend/host/imagelock"
)

// TestDirty checks that an image whose header has the dirty bit counts as dirty, unless a process has it open
// for writing: then the bit is as it should be.
func TestDirty(t *testing.T) {
	p := newPool(t)
	header := make([]byte, 112)
	copy(header, "QFI\xfb\x00\x00\x00\x03")
	header[79] = 1
	path := write(t, p, "v", string(header))
	for _, inUse := range []bool{false, true} {
		if inUse {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			ok(t, err)
			defer f.Close()
			ok(t, imagelock.LockForWriting(int(f.Fd())))
		}
		v, err := here.Volume(t.Context(), p, "v")
		ok(t, err)
		if v.Target.IsDirty == inUse || v.Target.IsCorrupt {
			t.Errorf("in use %v: %+v", inUse, v.Target)
		}
	}
}
