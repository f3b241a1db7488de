package sheepdog

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/backend/sheepdog/dogtest"
	"poolctl/pooldef"
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newStandIn returns a pool of the stand-in, in which faults can be set, and the stand-in's directory.
func newStandIn(t *testing.T) (*pooldef.Pool, string) {
	t.Helper()
	p, dir := newPool(t)
	if dir == "" {
		t.Skip("no faults on a real cluster")
	}
	return p, dir
}

// dog runs the stand-in on its cluster.
func dog(t *testing.T, dir string, words ...string) {
	t.Helper()
	if _, complaint, status := dogtest.NewTool(dir).Run("", append([]string{"dog"}, words...)...); status != 0 ||
		complaint != "" {
		t.Fatalf("dog %q: status %d, %s", words, status, complaint)
	}
}

func names(t *testing.T, b *Backend, p *pooldef.Pool) string {
	t.Helper()
	var all []string
	for v, err := range b.Volumes(t.Context(), p) {
		ok(t, err)
		all = append(all, v.Name)
	}
	return strings.Join(all, " ")
}

// operations returns all operations on a cluster with the volume v.
func operations(t *testing.T, b *Backend, p *pooldef.Pool) map[string]func() error {
	data, err := os.CreateTemp(t.TempDir(), "")
	ok(t, err)
	t.Cleanup(func() { data.Close() })
	fresh := &pooldef.Volume{Name: "new", Capacity: pooldef.Bytes(1)}
	v := &pooldef.Volume{
		Type:   "network",
		Name:   "v",
		Key:    "sheep/v",
		Target: pooldef.VolumeTarget{Path: "sheepdog:v"},
	}
	ctx := t.Context()
	return map[string]func() error{
		"space": func() error { _, err := b.Space(ctx, p); return err },
		"list": func() (err error) {
			for _, err = range b.Volumes(ctx, p) {
			}
			return err
		},
		"find":     func() error { _, err := b.Volume(ctx, p, "v"); return err },
		"create":   func() error { return b.Create(ctx, p, fresh, backend.CreateOptions{}) },
		"allocate": func() error { return b.Create(ctx, p, fresh, backend.CreateOptions{Preallocation: "full"}) },
		"clone":    func() error { return b.Clone(ctx, p, fresh, v, backend.CloneOptions{From: p}) },
		"resize":   func() error { return b.Resize(ctx, p, "v", 1<<30, backend.ResizeOptions{}) },
		"upload":   func() error { return b.Upload(ctx, p, "v", data, backend.Transfer{}) },
		"download": func() error { return b.Download(ctx, p, "v", data, backend.Transfer{}) },
		"delete":   func() error { return b.Delete(ctx, p, "v") },
		"purge":    func() error { return b.DeleteWithSnapshots(ctx, p, "v") },
		"sweep":    func() error { _, err := b.RemoveStale(ctx, p); return err },
	}
}

// TestTrouble uses unusable clusters. Every operation must fail and say why, whatever dog's exit status is.
func TestTrouble(t *testing.T) {
	for trouble, want := range map[string]string{
		dogtest.Gone:    "the cluster at 127.0.0.1:7000 cannot be reached",
		dogtest.Waiting: "the cluster at 127.0.0.1:7000 waits for nodes that are missing",
		dogtest.Silent:  "the cluster at 127.0.0.1:7000 does not answer",
		"":              "the cluster at 127.0.0.1:7000 is not formatted",
	} {
		p, dir := newStandIn(t)
		limit := 5 * time.Minute
		if trouble == dogtest.Silent {
			limit = 300 * time.Millisecond
		}
		b := New(&host.Local{}, limit)
		if trouble == "" {
			dogtest.NewTool(dir).Run("", "sheep", "-p", "7000", "store")
		} else {
			dog(t, dir, "vdi", "create", "v", "1G")
			dogtest.Trouble(t, dir, trouble)
		}
		for name, do := range operations(t, b, p) {
			if trouble == dogtest.Waiting && name == "space" { // the space is known
				continue
			}
			if err := do(); err == nil || err.Error() != want {
				t.Errorf("%s: error %v, want %s", name, err, want)
			}
		}
		active, err := b.Active(t.Context(), p)
		switch silent := (*backend.TimeoutError)(nil); trouble {
		case dogtest.Silent:
			if active || !errors.As(err, &silent) {
				t.Errorf("active is %v, error %v", active, err)
			}
		case dogtest.Waiting:
		default:
			if active || err != nil {
				t.Errorf("%s: active is %v, error %v", want, active, err)
			}
		}
	}
}

// TestNoDog runs without the program dog, and with a host that does not exist.
func TestNoDog(t *testing.T) {
	p, _ := newStandIn(t)
	b := New(&host.Local{}, time.Minute)
	p.Source.Hosts[0].Name = "nosuch.invalid"
	if _, err := b.Space(t.Context(), p); err == nil ||
		!strings.Contains(err.Error(), "nosuch.invalid:7000 cannot be reached") {
		t.Error(err)
	}
	t.Setenv("PATH", "/usr/bin")
	tool := (*host.ToolError)(nil)
	if _, err := b.Active(t.Context(), p); !errors.As(err, &tool) || tool.Tool != "dog" {
		t.Error(err)
	}
}

// TestSnapshots uses snapshots, which are read-only volumes.
func TestSnapshots(t *testing.T) {
	p, _ := newPool(t)
	b := New(&host.Local{}, time.Minute)
	c, err := clusterOf(p)
	ok(t, err)
	do := func(options []string, names ...string) { t.Helper(); backendtest.Change(t, c.vdi(options, names...)) }
	upload := func(name, text string) error {
		f, err := os.CreateTemp(t.TempDir(), "")
		ok(t, err)
		defer f.Close()
		_, err = f.WriteString(text)
		ok(t, err)
		_, err = f.Seek(0, 0)
		ok(t, err)
		return b.Upload(t.Context(), p, name, f, backend.Transfer{})
	}
	download := func(name string) string {
		t.Helper()
		f, err := os.CreateTemp(t.TempDir(), "")
		ok(t, err)
		defer f.Close()
		ok(t, b.Download(t.Context(), p, name, f, backend.Transfer{}))
		text, err := os.ReadFile(f.Name())
		ok(t, err)
		return string(text)
	}
	do([]string{"create"}, "v", "4")
	ok(t, upload("v", "one!"))
	do([]string{"snapshot", "-s", "first one"}, "v")
	ok(t, upload("v", "two!"))
	do([]string{"snapshot"}, "v")
	ok(t, upload("v", "now!"))
	if got := names(t, b, p); got != "v v:2 v:first one" {
		t.Errorf("got %s", got)
	}
	for name, want := range map[string]string{"v": "now!", "v:first one": "one!", "v:2": "two!"} {
		if got := download(name); got != want {
			t.Errorf("%s holds %q", name, got)
		}
		if v, err := b.Volume(t.Context(), p, name); err != nil || v.Key != "sheep/"+name ||
			v.Target.Path != "sheepdog:"+name || v.Capacity.Bytes != 4 {
			t.Errorf("%+v, error %v", v, err)
		}
	}
	state := (*backend.StateError)(nil)
	for _, err := range []error{
		upload("v:2", "no"), b.Resize(t.Context(), p, "v:2", 100, backend.ResizeOptions{}),
	} {
		if !errors.As(err, &state) || !strings.Contains(err.Error(), "is a snapshot") {
			t.Error(err)
		}
	}
	source, err := b.Volume(t.Context(), p, "v:2")
	ok(t, err)
	ok(t, b.Clone(t.Context(), p, &pooldef.Volume{Name: "clone"}, source, backend.CloneOptions{From: p}))
	ok(
		t,
		b.Clone(
			t.Context(), p, &pooldef.Volume{Name: "larger", Capacity: pooldef.Bytes(6)}, source,
			backend.CloneOptions{From: p},
		),
	)
	ok(t, b.Delete(t.Context(), p, "v:2"))
	if got := names(t, b, p); got != "clone larger v v:first one" || download("clone") != "two!" ||
		download("larger") != "two!\x00\x00" {
		t.Errorf("got %s", got)
	}
	ok(t, b.Delete(t.Context(), p, "v"))
	if got := names(t, b, p); got != "clone larger v:first one" || download("v:first one") != "one!" {
		t.Errorf("got %s", got)
	}
	ok(
		t,
		b.Create(t.Context(), p, &pooldef.Volume{Name: "v", Capacity: pooldef.Bytes(1)}, backend.CreateOptions{}),
	)
	do([]string{"snapshot", "-s", "third"}, "v")
	ok(t, b.DeleteWithSnapshots(t.Context(), p, "v"))
	if got := names(t, b, p); got != "clone larger" {
		t.Errorf("got %s", got)
	}
}

// A failingHost host fails its nth change, before or after applying it.
type failingHost struct {
	host.Host
	nth   int
	after bool
}

var errFails = errors.New("it fails")

func (f *failingHost) Change(ctx context.Context, s host.Step) error {
	if f.nth--; f.nth != 0 {
		return f.Host.Change(ctx, s)
	}
	if f.after {
		_ = f.Host.Change(ctx, s)
	}
	return errFails
}

// TestCloneLargerFaults fails each change of a clone that is larger than its source. The clone must be
// complete or absent, and nothing else may be left.
func TestCloneLargerFaults(t *testing.T) {
	p, _ := newPool(t)
	good := New(&host.Local{}, time.Minute)
	ok(
		t,
		good.Create(
			t.Context(), p, &pooldef.Volume{Name: "v", Capacity: pooldef.Bytes(1000)}, backend.CreateOptions{},
		),
	)
	source, err := good.Volume(t.Context(), p, "v")
	ok(t, err)
	for _, after := range []bool{false, true} {
		for nth := 1; ; nth++ {
			h := &failingHost{&host.Local{}, nth, after}
			err := New(h, time.Minute).Clone(
				t.Context(), p, &pooldef.Volume{Name: "w", Capacity: pooldef.Bytes(2000)}, source,
				backend.CloneOptions{From: p},
			)
			if removed, sweepErr := good.RemoveStale(t.Context(), p); len(removed) > 0 || sweepErr != nil {
				t.Errorf("change %d, after %v: left over: %q, error %v", nth, after, removed, sweepErr)
			}
			want := "v"
			if err == nil {
				want = "v w"
			}
			if got := names(t, good, p); got != want {
				t.Errorf("change %d, after %v: error %v, got %s", nth, after, err, got)
			}
			if err == nil {
				ok(t, good.Delete(t.Context(), p, "w"))
			}
			if h.nth > 0 {
				if nth < 8 {
					t.Errorf("only %d changes", nth-1)
				}
				break
			}
		}
	}
}

// TestResizeFaults fails a resize before and after it is applied.
func TestResizeFaults(t *testing.T) {
	p, _ := newPool(t)
	b := New(&host.Local{}, time.Minute)
	ok(
		t,
		b.Create(
			t.Context(), p, &pooldef.Volume{Name: "v", Capacity: pooldef.Bytes(1000)}, backend.CreateOptions{},
		),
	)
	for _, after := range []bool{false, true} {
		err := New(
			&failingHost{&host.Local{}, 1, after}, time.Minute,
		).Resize(t.Context(), p, "v", 2000, backend.ResizeOptions{})
		v, findErr := b.Volume(t.Context(), p, "v")
		ok(t, findErr)
		if isDone := v.Capacity.Bytes == 2000; isDone != after || isDone != (err == nil) {
			t.Errorf("after %v: it has %d bytes, error %v", after, v.Capacity.Bytes, err)
		}
	}
}

// TestOthersStages checks that Sweep keeps the temporary objects of other machines, and removes this
// machine's leftovers.
func TestOthersStages(t *testing.T) {
	p, dir := newStandIn(t)
	b := New(&host.Local{}, time.Minute)
	const theirs = ".poolctl-00000000-99999999-1-1"
	ours := ".poolctl-" + host.Machine() + "-99999999-1-1"
	for _, name := range []string{"v", theirs, ours} {
		dog(t, dir, "vdi", "create", "--", name, "1M")
	}
	for _, tag := range []string{theirs, ours, "s"} {
		dog(t, dir, "vdi", "snapshot", "-s", tag, "v")
	}
	if got := names(t, b, p); got != "v v:s" {
		t.Errorf("listed %s", got)
	}
	for _, name := range []string{theirs, ours, "v:" + theirs} {
		if _, err := b.Volume(t.Context(), p, name); !errors.Is(err, backend.ErrNoVolume) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	left, err := b.FindStale(t.Context(), p)
	ok(t, err)
	removed, err := b.RemoveStale(t.Context(), p)
	if want := []string{"sheepdog:" + ours, "sheepdog:v:" + ours}; !slices.Equal(removed, want) ||
		!slices.Equal(left, want) || err != nil {
		t.Errorf("found %q, removed %q, error %v", left, removed, err)
	}
	ok(t, b.DeleteWithSnapshots(t.Context(), p, "v"))
	all, err := b.all(t.Context(), p)
	ok(t, err)
	if len(all) != 2 || all[0].volumeName() != theirs || all[1].volumeName() != "v:"+theirs {
		t.Errorf("left over: %d", len(all))
	}
}
