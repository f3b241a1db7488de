package zfs

import (
	"os"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/host"
)

// TestSnapshotInUse works with snapshots of a volume that a process has open.
func TestSnapshotInUse(t *testing.T) {
	p := newPool(t, 1)
	b := New(&host.Local{}, nil, far)
	ok(t, b.Build(t.Context(), p, backend.BuildOptions{}))
	ok(t, b.Start(t.Context(), p))
	p.Started = true
	ok(t, b.Create(t.Context(), p, volume("v", mib), backend.CreateOptions{}))
	ok(t, b.CreateSnapshot(t.Context(), p, "v", "before", backend.SnapshotOptions{}))
	f, err := os.OpenFile("/dev/zvol/tank/v", os.O_RDWR, 0)
	ok(t, err)
	defer f.Close()
	refused[*backend.StateError](
		t, "in use", b.CreateSnapshot(t.Context(), p, "v", "s", backend.SnapshotOptions{}), "in use",
	)
	ok(t, b.CreateSnapshot(t.Context(), p, "v", "s", backend.SnapshotOptions{InUse: true}))
	for _, o := range []backend.RevertOptions{{}, {DestroyLater: true}} {
		if err := b.RevertToSnapshot(t.Context(), p, "v", "before", o); err == nil {
			t.Errorf("revert in use, %+v: got no error", o)
		}
	}
	all, err := b.Snapshots(t.Context(), p, "v")
	if err != nil || len(all) != 2 {
		t.Errorf("got %d snapshots, error %v", len(all), err)
	}
}

// FuzzParseSnapshot searches for lines that crash parseSnapshot, or have impossible values accepted.
func FuzzParseSnapshot(f *testing.F) {
	f.Add("tank/v@one\t1796015943\t4096\t1048576\ttank/c,tank/d\t0")
	f.Add("tank/v\t1796015943\t4096\t1048576\t-\t-")
	f.Add("tank@one\t1\t0\t-\t\t1")
	f.Fuzz(func(t *testing.T, line string) {
		s, err := parseSnapshot("tank", line)
		if s == nil || err != nil {
			return
		}
		if !isPart(s.Volume) || !isPart(s.Name) || int64(s.Capacity.Bytes|s.Allocation.Bytes) < 0 ||
			!strings.HasPrefix(line, "tank/"+s.Volume+"@"+s.Name+"\t") {
			t.Errorf("got %+v", s)
		}
	})
}
