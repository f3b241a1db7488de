package logical

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/fault"
	"poolctl/pooldef"
)

// TestSnapshotsInUse works with snapshots of a volume, thin or not, that a process has open. A writable
// snapshot and a clone are no snapshots. After a revert, LVM has forgotten the other snapshots of a thin
// volume.
func TestSnapshotsInUse(t *testing.T) {
	backendtest.NeedsLab(t, "logical volumes")
	t.Run("linear", func(t *testing.T) { checkSnapshotsInUse(t, newPool(t, 2), "one two") })
	t.Run("thin", func(t *testing.T) { checkSnapshotsInUse(t, newThinPool(t), "one") })
}

// checkSnapshotsInUse does so in a pool. left are the snapshots that LVM knows after a revert.
func checkSnapshotsInUse(t *testing.T, p *pooldef.Pool, left string) {
	t.Helper()
	ctx, b := t.Context(), newBackend()
	ok(t, b.Build(ctx, p, backend.BuildOptions{}))
	ok(t, b.Start(ctx, p))
	p.Started = true
	ok(t, b.Create(ctx, p, volume("v", 4*mib), backend.CreateOptions{}))
	ok(t, b.CreateSnapshot(ctx, p, "v", "one", backend.SnapshotOptions{}))
	f, err := os.OpenFile(path(p, "v"), os.O_RDWR, 0)
	ok(t, err)
	if err := b.CreateSnapshot(ctx, p, "v", "two", backend.SnapshotOptions{}); fault.Of(err) != fault.State {
		t.Errorf("in use: got error %v", err)
	}
	o := backend.SnapshotOptions{InUse: true}
	if p.ThinPool == "" {
		o.Space = 4 * mib
	}
	ok(t, b.CreateSnapshot(ctx, p, "v", "two", o))
	if err := b.RevertToSnapshot(ctx, p, "v", "one", backend.RevertOptions{}); fault.Of(err) != fault.State {
		t.Errorf("revert in use: got error %v", err)
	}
	ok(t, f.Close())
	checkKept(t, b, p, "one two")
	err = b.RevertToSnapshot(ctx, p, "v", "one", backend.RevertOptions{})
	warning, warns := errors.AsType[*backend.Warning](err)
	if warns != (left == "one") || warns && !strings.Contains(warning.Text, "two") || !warns && err != nil {
		t.Errorf("revert: got error %v", err)
	}
	if p.ThinPool != "" {
		source, err := b.Volume(ctx, p, "v")
		ok(t, err)
		ok(t, b.CloneSnapshot(ctx, p, volume("clone", 4*mib), source, "one", backend.CloneOptions{}))
		ok(t, os.WriteFile(path(p, "clone"), []byte("data"), 0))
		ok(t, b.Clone(ctx, p, volume("other", 4*mib), source, backend.CloneOptions{}))
	}
	checkKept(t, b, p, left)
}

// checkKept fails the test unless the volume v has these snapshots.
func checkKept(t *testing.T, b *Backend, p *pooldef.Pool, want string) {
	t.Helper()
	all, err := b.Snapshots(t.Context(), p, "v")
	ok(t, err)
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	if got := strings.Join(names, " "); got != want {
		t.Errorf("got snapshots %q, want %q", got, want)
	}
}
