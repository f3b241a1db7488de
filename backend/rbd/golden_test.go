package rbd

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// tempName matches temporary names that contain the PID and start time of a process other than PID 1.
var tempName = regexp.MustCompile(`poolctl-[0-9a-f]{8}-\d\d+-\d\d+-\d+`)

// answered lists the parts of answers that differ between runs: identifiers, times, and the space used.
var answered = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`("id":"|rbd_data\.)[0-9a-f]+`), "${1}1"},
	{regexp.MustCompile(`(timestamp":")[^"]+`), "${1}Mon Jan  5 00:00:00 2026"},
	{regexp.MustCompile(`("(?:total|num|read|write|compress|size)_\w+":)\d+`), "${1}1"},
}

// anyKey returns a valid key for tests without a cluster.
type anyKey struct{ backendtest.Secrets }

func (anyKey) SecretValue(pooldef.SecretRef, string) ([]byte, error) {
	return append([]byte{1}, make([]byte, 27)...), nil
}

// TestGolden records what operations do.
func TestGolden(t *testing.T) {
	g := backendtest.NewReplayedWithout(
		t, "a cluster of Ceph's (go test without -short)", "operations", !testing.Short(),
	)
	p, known := definition("rbdpool/space", 6789), backend.Secrets(anyKey{})
	if g.Live() {
		p, known = newPool(t), keys{}
		g.Snapshot = func() string { return snapshotOf(t, p) }
	}
	replace := strings.NewReplacer(
		p.Source.Name, "rbdpool", strings.TrimPrefix(p.Source.Name, "rbdpool/"), "space",
		fmt.Sprint(":", p.Source.Hosts[0].Port), ":6789",
	)
	login := "-c /dev/null --id=libvirt --keyfile=/dev/fd/3 -m v1:127.0.0.1:6789 " +
		"--client-mount-timeout=300 --rados-mon-op-timeout=300 --rados-osd-op-timeout=300 --log-to-file=false " +
		"--admin-socket="
	fmt.Fprintf(&g.Record, "# LOGIN is %s, what 3</secrets gives is the key.\n\n", login)
	g.Clean = func(text string) string {
		text = strings.ReplaceAll(replace.Replace(text), login, "LOGIN")
		text = strings.ReplaceAll(text, "3</secrets/"+secret+".base64", "3</secrets")
		for _, a := range answered {
			text = a.what.ReplaceAllString(text, a.with)
		}
		return tempName.ReplaceAllString(text, "poolctl-MACHINE-PROCESS-BEGUN-N")
	}
	does := func(title string, op func(b *Backend, p *pooldef.Pool) error) {
		g.Do(title, func(h host.Host) error { return op(New(h, known, limit), p) })
	}
	ctx := context.Background()
	source := func(b *Backend, name string) *pooldef.Volume {
		v, err := b.Volume(ctx, p, name)
		ok(t, err)
		return v
	}
	cloned := func(o backend.CloneOptions) func(b *Backend, p *pooldef.Pool) error {
		o.From = p
		return func(b *Backend, p *pooldef.Pool) error {
			return b.Clone(ctx, p, volume("copy", 8<<20), source(New(g.Host(), known, limit), "v"), o)
		}
	}
	del := func(name string) func(b *Backend, p *pooldef.Pool) error {
		return func(b *Backend, p *pooldef.Pool) error { return b.Delete(ctx, p, name) }
	}
	data := file(t, []byte("data"))
	does("is it active", func(b *Backend, p *pooldef.Pool) error { _, err := b.Active(ctx, p); return err })
	does(
		"how much room is there", func(b *Backend, p *pooldef.Pool) error { _, err := b.Space(ctx, p); return err },
	)
	does("make a volume", func(b *Backend, p *pooldef.Pool) error {
		return b.Create(ctx, p, volume("v", 8<<20), backend.CreateOptions{})
	})
	does("make one of small objects, with all its room", func(b *Backend, p *pooldef.Pool) error {
		d := volume("thick", 1<<20)
		d.Target.ClusterSize = 1 << 16
		return b.Create(ctx, p, d, backend.CreateOptions{Preallocation: "full"})
	})
	does("list all", func(b *Backend, p *pooldef.Pool) error {
		for _, err := range b.Details(ctx, p) {
			ok(t, err)
		}
		return nil
	})
	does("list all, with what they occupy", func(b *Backend, p *pooldef.Pool) error {
		counting := *p
		counting.Refresh = "default"
		for _, err := range b.Details(ctx, &counting) {
			ok(t, err)
		}
		return nil
	})
	does("look at one", func(b *Backend, p *pooldef.Pool) error { _, err := b.Volume(ctx, p, "v"); return err })
	does("upload", func(b *Backend, p *pooldef.Pool) error {
		_, err := data.Seek(0, 0)
		ok(t, err)
		return b.Upload(ctx, p, "v", data, backend.Transfer{File: "data", Offset: 4096})
	})
	does("download a part", func(b *Backend, p *pooldef.Pool) error {
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		ok(t, err)
		defer null.Close()
		return b.Download(ctx, p, "v", null, backend.Transfer{File: "data", Offset: 4096, Length: 4})
	})
	does(
		"resize",
		func(b *Backend, p *pooldef.Pool) error { return b.Resize(ctx, p, "v", 16<<20, backend.ResizeOptions{}) },
	)
	does("make smaller", func(b *Backend, p *pooldef.Pool) error {
		return b.Resize(ctx, p, "v", 8<<20, backend.ResizeOptions{Shrink: true})
	})
	does("clone", cloned(backend.CloneOptions{}))
	does("delete what has clones", del("v"))
	does("delete the last clone", del("copy"))
	does("make a full copy", cloned(backend.CloneOptions{Full: true}))
	recordSnapshots(t, does)
	does("wipe", func(b *Backend, p *pooldef.Pool) error { return b.Wipe(ctx, p, "v", "zero", nil) })
	does("rename", func(b *Backend, p *pooldef.Pool) error { return b.Rename(ctx, p, "v", "w") })
	does("delete", del("w"))
	does("sweep", func(b *Backend, p *pooldef.Pool) error { _, err := b.RemoveStale(ctx, p); return err })
	g.End()
}

// TestShell runs the output of a dry run in a shell.
func TestShell(t *testing.T) {
	b, p, data := newPoolWithImage(t, "v")
	dir := t.TempDir()
	ok(t, os.WriteFile(dir+"/data", data[:100_000], 0o600))
	in, err := os.Open(dir + "/data")
	ok(t, err)
	var dry strings.Builder
	would := New(host.NewDryRun(&host.Local{}, &dry), keys{}, limit)
	ok(t, would.Upload(t.Context(), p, "v", in, backend.Transfer{File: dir + "/data", Offset: 500_000}))
	ok(
		t,
		would.Download(
			t.Context(), p, "v", in, backend.Transfer{File: dir + "/out", Offset: 400_000, Length: 300_000},
		),
	)
	script := strings.ReplaceAll(
		dry.String(), "/secrets/"+secret+".base64", os.Getenv(clusterVariable)+"/libvirt.key",
	)
	if out, err := exec.Command("sh", "-ec", script).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", script, err, out)
	}
	want := append([]byte{}, data...)
	copy(want[500_000:], data[:100_000])
	holds(t, b, p, "v", want)
	if got, err := os.ReadFile(dir + "/out"); err != nil || string(got) != string(want[400_000:700_000]) {
		t.Errorf("downloaded %d bytes, error %v", len(got), err)
	}
}

// recordSnapshots records the operations on snapshots, of the image v.
func recordSnapshots(t *testing.T, does func(title string, op func(b *Backend, p *pooldef.Pool) error)) {
	t.Helper()
	ctx, source := t.Context(), &pooldef.Volume{Name: "v"}
	create := func(b *Backend, p *pooldef.Pool) error {
		return b.CreateSnapshot(ctx, p, "v", "kept", backend.SnapshotOptions{})
	}
	clone := func(name string, o backend.CloneOptions) func(b *Backend, p *pooldef.Pool) error {
		return func(b *Backend, p *pooldef.Pool) error {
			return b.CloneSnapshot(ctx, p, &pooldef.Volume{Name: name}, source, "kept", o)
		}
	}
	remove := func(b *Backend, p *pooldef.Pool) error { return b.DeleteSnapshot(ctx, p, "v", "kept") }
	does("snapshot", create)
	does("the same snapshot", create)
	does("list snapshots", func(b *Backend, p *pooldef.Pool) error {
		_, err := b.Snapshots(ctx, p, "")
		return err
	})
	does("clone a snapshot", clone("child", backend.CloneOptions{}))
	does("copy a snapshot", clone("copied", backend.CloneOptions{Full: true}))
	does("revert", func(b *Backend, p *pooldef.Pool) error {
		return b.RevertToSnapshot(ctx, p, "v", "kept", backend.RevertOptions{})
	})
	does("wipe what has snapshots", func(b *Backend, p *pooldef.Pool) error {
		return b.Wipe(ctx, p, "v", "zero", nil)
	})
	does("delete a snapshot with a clone", remove)
	for _, name := range []string{"child", "copied"} {
		does("delete "+name, func(b *Backend, p *pooldef.Pool) error { return b.Delete(ctx, p, name) })
	}
	does("delete the snapshot", remove)
}
