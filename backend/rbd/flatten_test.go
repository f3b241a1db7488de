package rbd

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
)

// TestFlattenKilled kills rbd while it flattens an image. The image keeps its data, counts as in use until
// Ceph forgets the client, and a repeated flatten completes it.
func TestFlattenKilled(t *testing.T) {
	const size, object = 16 * mib, 1 << 16
	p := newPool(t)
	b := New(&host.Local{}, keys{}, limit)
	base, d := volume("base", size), volume("v", size)
	base.Target.ClusterSize, d.Target.ClusterSize = object, object
	ok(t, b.Create(t.Context(), p, base, backend.CreateOptions{}))
	data := backendtest.Pattern(size, 1)
	ok(t, b.Upload(t.Context(), p, "base", file(t, data), backend.Transfer{}))
	source, err := b.Volume(t.Context(), p, "base")
	ok(t, err)
	ok(t, b.Clone(t.Context(), p, d, source, backend.CloneOptions{From: p}))
	killFlatten(t, p.Source.Name+"/v")

	if i, err := b.info(t.Context(), p, "v"); err != nil || i.Parent == nil {
		t.Fatalf("rbd had completed: %+v, error %v", i, err)
	}
	if err := b.Flatten(t.Context(), p, "v", backend.ChainOptions{}); !errors.As(err, new(*backend.BusyError)) {
		t.Errorf("repeated at once: error %v", err)
	}
	copied := file(t, nil)
	ok(t, b.Download(t.Context(), p, "v", copied, backend.Transfer{InUse: true}))
	if got, err := os.ReadFile(copied.Name()); err != nil || string(got) != string(data) {
		t.Errorf("v has other data, error %v", err)
	}
	at, err := placeOf(p)
	ok(t, err)
	left, err := b.status(t.Context(), p, at, "v")
	ok(t, err)
	for _, w := range left.Watchers { // otherwise Ceph takes half a minute
		ceph(t, "ceph", "osd", "blocklist", "add", w.Address)
	}
	backendtest.Eventually(t, "the image is flattened", func() bool {
		return b.Flatten(t.Context(), p, "v", backend.ChainOptions{}) == nil
	})
	ok(t, b.Delete(t.Context(), p, "base"))
	holds(t, b, p, "v", data)
	ok(t, b.Delete(t.Context(), p, "v"))
}

// killFlatten starts to flatten an image, one object after the other, and kills rbd when it has begun.
func killFlatten(t *testing.T, image string) {
	t.Helper()
	c := exec.Command("rbd", "flatten", "--rbd-concurrent-management-ops=1", image)
	c.Env = append(os.Environ(), "CEPH_CONF="+os.Getenv(clusterVariable)+"/ceph.conf")
	progress, err := c.StderrPipe()
	ok(t, err)
	ok(t, c.Start())
	for in := bufio.NewReader(progress); ; {
		text, err := in.ReadString('%')
		if err != nil {
			t.Fatalf("rbd has ended: %q, %v", text, err)
		}
		if !strings.HasSuffix(text, " 0%") {
			break
		}
	}
	ok(t, c.Process.Kill())
	_ = c.Wait()
}
