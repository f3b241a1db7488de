package driver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// A manyBackend manages several pools in memory. It records the order in which they are started.
type manyBackend struct {
	fakeBackend
	try func(pool string) error // may be nil

	mu      sync.Mutex
	started []string
}

func (b *manyBackend) has(pool string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Contains(b.started, pool)
}

func (b *manyBackend) Active(_ context.Context, p *pooldef.Pool) (bool, error) {
	return b.has(p.Name), nil
}

func (b *manyBackend) Start(_ context.Context, p *pooldef.Pool) error {
	if b.try != nil {
		if err := b.try(p.Name); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.started = append(b.started, p.Name)
	return nil
}

// newMany returns a driver with pools, whose definitions are "NAME TYPE TARGET DEVICE...".
func newMany(
	t *testing.T, try func(pool string) error, pools ...string,
) (*Driver, *manyBackend, []*store.Entry) {
	t.Helper()
	d, _ := newDriver(t)
	if err := d.UndefinePool(t.Context(), "p"); err != nil {
		t.Fatal(err)
	}
	b := &manyBackend{try: try}
	d.Backends = map[pooldef.Type]backend.Backend{}
	for _, text := range pools {
		words := strings.Fields(text)
		p := &pooldef.Pool{Name: words[0], Type: pooldef.Type(words[1]), Target: pooldef.Target{Path: words[2]}}
		for _, device := range words[3:] {
			p.Source.Devices = append(p.Source.Devices, pooldef.Device{Path: device})
		}
		d.Backends[p.Type] = b
		if err := d.Store.Define(p, nil); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := d.Store.All()
	if err != nil {
		t.Fatal(err)
	}
	return d, b, entries
}

// autostart starts pools, and returns the results, sorted unless this is a dry run, and the order in which
// the pools were started.
func autostart(
	t *testing.T, dryRun bool, try func(pool string) error, pools ...string,
) (results, order string) {
	t.Helper()
	d, b, entries := newMany(t, try, pools...)
	d.DryRun = dryRun
	var lines []string
	d.Autostart(t.Context(), entries, func(r AutostartResult) {
		lines = append(lines, fmt.Sprint(r.Pool, " ", r.Started && r.Err == nil))
	})
	if !dryRun {
		slices.Sort(lines)
	}
	return strings.Join(lines, ", "), strings.Join(b.started, " ")
}

// TestAutostartReports checks that a result is reported while other pools are still being started.
func TestAutostartReports(t *testing.T) {
	reported := make(chan struct{})
	d, _, entries := newMany(t, func(pool string) error {
		if pool == "slow" {
			<-reported
		}
		return nil
	}, "quick dir /srv/a", "slow dir /srv/b")
	d.Autostart(t.Context(), entries, func(r AutostartResult) {
		if r.Pool == "quick" {
			close(reported)
		}
	})
}

// TestAutostart checks that pools start at the same time, after those that they lie in.
func TestAutostart(t *testing.T) {
	zIsStarted := make(chan struct{})
	results, _ := autostart(t, false, func(pool string) error {
		if pool == "z" {
			close(zIsStarted)
		}
		<-zIsStarted
		return nil
	}, "a dir /srv/a", "b dir /srv/b", "z dir /srv/z")
	if want := "a true, b true, z true"; results != want {
		t.Errorf("got %s, want %s", results, want)
	}
	for _, dryRun := range []bool{false, true} {
		results, order := autostart(t, dryRun, nil, "a dir /nowhere/mount/images",
			"b fs /nowhere/mount /nowhere/luns/1",
			"c disk /nowhere/luns /dev/null", "d dir /nowhere/mount/images/deep", "e dir /nowhere/mount")
		for _, pair := range []string{"c b", "b a", "a d"} {
			first, second, _ := strings.Cut(pair, " ")
			if strings.Index(order, first) > strings.Index(order, second) {
				t.Errorf("the order is %s, but %s needs %s", order, second, first)
			}
		}
		want := "a true, b true, c true, d true, e true"
		if dryRun {
			want = "c true, b true, e true, a true, d true"
		}
		if results != want {
			t.Errorf("got %s, want %s", results, want)
		}
	}
}

// TestAutostartAgain checks that a pool that fails is started again after others, but not without end, and
// not if its server does not answer.
func TestAutostartAgain(t *testing.T) {
	var mu sync.Mutex
	tried, started := map[string]int{}, map[string]bool{}
	needs := map[string]string{"a": "b", "b": "c", "lost": "none"}
	results, _ := autostart(t, false, func(pool string) error {
		mu.Lock()
		defer mu.Unlock()
		tried[pool]++
		if pool == "silent" {
			return &backend.TimeoutError{Text: "the server does not answer"}
		}
		if needed := needs[pool]; needed != "" && !started[needed] {
			return fs.ErrNotExist
		}
		started[pool] = true
		return nil
	}, "a dir /srv/a", "b dir /srv/b", "c dir /srv/c", "lost dir /srv/d", "silent dir /srv/e")
	if want := "a true, b true, c true, lost false, silent false"; results != want {
		t.Errorf("got %s, want %s", results, want)
	}
	if tried["silent"] != 1 || tried["c"] != 1 || tried["lost"] > 4 {
		t.Errorf("tried %v", tried)
	}
}

// TestAutostartCircle checks that pools that lie in each other are started all the same.
func TestAutostartCircle(t *testing.T) {
	refuse := errors.New("refused")
	results, _ := autostart(t, false, func(pool string) error {
		if pool == "c" {
			return refuse
		}
		return nil
	}, "a fs /nowhere/x /nowhere/y/disk", "b fs /nowhere/y /nowhere/x/disk", "c fs /nowhere/y/z /nowhere/x/disk")
	if want := "a true, b true, c false"; results != want {
		t.Errorf("got %s, want %s", results, want)
	}
}

// TestAutostartNested checks that many pools in each other are ordered at once, not after trying all ways
// from one to another.
func TestAutostartNested(t *testing.T) {
	var pools []string
	for n := range 40 {
		pools = append(pools, fmt.Sprintf("p%d dir /nowhere%s", n, strings.Repeat("/d", 40-n)))
	}
	_, order := autostart(t, false, nil, pools...)
	started := strings.Fields(order)
	slices.Reverse(started)
	for n, name := range started {
		if want := fmt.Sprintf("p%d", n); name != want {
			t.Fatalf("the order is %s", order)
		}
	}
}

// A deadHost has a file on a server that does not answer.
type deadHost struct {
	host.Host
	answer chan struct{}
}

func (h *deadHost) Stat(path string) (fs.FileInfo, error) {
	if path == "/gone/disk" {
		<-h.answer
	}
	return h.Host.Stat(path)
}

// TestAutostartDeadDevice checks that a device that is a file on a server that is gone delays the others only
// for the time limit.
func TestAutostartDeadDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _, entries := newMany(t, nil, "a fs /nowhere/a /gone/disk", "b dir /nowhere/b")
		h := &deadHost{d.Host, make(chan struct{})}
		defer close(h.answer)
		d.Host, d.Timeout = h, 0
		started := 0
		d.Autostart(t.Context(), entries, func(r AutostartResult) {
			if r.Started {
				started++
			}
		})
		if started != 2 {
			t.Errorf("%d pools were started", started)
		}
	})
}
