package rbd

import (
	"strings"
	"testing"

	"poolctl/backend/backendtest"
	"poolctl/backend/driver/drivertest"
	"poolctl/pooldef"
)

// TestBackend runs the conformance suite against a real cluster.
func TestBackend(t *testing.T) {
	backendtest.Run(t, backendtest.Options{
		Parallel: true,
		New:      newBackend, Pool: func(t *testing.T) *pooldef.Pool { return newPool(t) }, Snapshot: snapshotOf,
		Volume: func(name string, size uint64) *pooldef.Volume {
			return &pooldef.Volume{Name: name, Capacity: pooldef.Bytes(size)}
		},
		Sizes: []uint64{1 << 20, 1234567, 1 << 40},
		Allowed: []string{
			"vm-1.img", "ü", ".hidden", "--help", "a b'\\", `$(x)"`, "json:{}", strings.Repeat("n", 255),
		},
		Refused: []string{"", "a/b", "a@b", "a\nb", "\xff\xfe", ".poolctl-1-2-3"},
		Slow:    true, Cached: true, SeesSnapshots: true,
		Move: drivertest.Move,
		Elsewhere: map[string]string{
			"CloneFaults":    "VolumeFaults: a full copy gets its name as a new image does",
			"KilledCloning":  "Killed has the same changes",
			"KilledDeleting": "Moving has the same changes",
		},
		Cannot: backendtest.Because(
			"Ceph renames an image by its id: of two that rename it at the same time both do, one after the other",
			"RenamingTogether",
		),
		Unsupported: []*pooldef.Volume{
			{Name: "v", Capacity: pooldef.Bytes(1 << 20), Target: pooldef.VolumeTarget{Format: "qcow2"}},
			{Name: "v", Capacity: pooldef.Bytes(1 << 20),
				Target: pooldef.VolumeTarget{Encryption: backendtest.LUKS("x")}},
		},
	})
}
