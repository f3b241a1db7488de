package driver

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/dir"
	"poolctl/backend/fetch"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// A brokenHost fails at its nth change, before or after it. If dead, all that follow fail, too, as if the
// process had been killed.
type brokenHost struct {
	host.Host
	nth         int
	after, dead bool
}

var errBroken = errors.New("broken")

// Change implements host.Host.
func (b *brokenHost) Change(ctx context.Context, s host.Step) error {
	b.nth--
	switch {
	case b.nth < 0 && b.dead, b.nth == 0 && !b.after:
		return errBroken
	case b.nth == 0:
		return errors.Join(b.Host.Change(ctx, s), errBroken)
	}
	return b.Host.Change(ctx, s)
}

// TestFetchFaults fails at each step of a Fetch, and kills at each step. The pool must then be as before or
// have the complete volume, and the next Fetch must work and leave nothing in the cache.
func TestFetchFaults(t *testing.T) {
	image := backendtest.Convert(t, "raw", "qcow2", backendtest.Pattern(1<<16, 1))
	source := filepath.Join(t.TempDir(), "image.gz")
	packed := gzipped(t, image)
	if err := os.WriteFile(source, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, b := range []brokenHost{{}, {after: true}, {dead: true}} {
		for nth := 1; ; nth++ {
			p := &pooldef.Pool{Type: pooldef.Dir, Name: "p", Target: pooldef.Target{Path: t.TempDir()}}
			from := fetch.Source{URL: "file://" + source, Sum: sumOf(packed), Dir: t.TempDir(), Timeout: time.Minute}
			broken := b
			broken.Host, broken.nth = &host.Local{}, nth
			err := fetchInto(t, &broken, p, from)
			entries := names(t, p.Target.Path)
			if err == nil && broken.nth > 0 {
				break
			}
			if err != nil && !b.dead && len(entries) > 0 {
				t.Errorf("%+v, step %d (%v): the pool has %q", b, nth, err, entries)
			}
			if _, statErr := os.Stat(filepath.Join(p.Target.Path, "v")); statErr == nil {
				checkContent(t, p, image)
				continue
			}
			if err := fetchInto(t, &host.Local{}, p, from); err != nil {
				t.Errorf("%+v, after step %d: %v", b, nth, err)
				continue
			}
			checkContent(t, p, image)
			if left := names(t, from.Dir); len(left) > 0 {
				t.Errorf("%+v, after step %d: the cache has %q", b, nth, left)
			}
		}
	}
}

// TestFetchKilled kills processes that fetch, after each change. The pool then has the complete volume or
// none, and the next Fetch works and leaves nothing in the cache.
func TestFetchKilled(t *testing.T) {
	image := backendtest.Pattern(1<<16, 1)
	packed := gzipped(t, image)
	fetchAs := func(h host.Host, source, pool, cache string) error {
		p := &pooldef.Pool{Type: pooldef.Dir, Name: "p", Target: pooldef.Target{Path: pool}}
		return fetchInto(t, h, p,
			fetch.Source{URL: "file://" + source, Sum: sumOf(packed), Dir: cache, Timeout: time.Minute})
	}
	if plan, ok := backendtest.CrashPlan(); ok {
		fields := strings.Split(plan, "\n")
		nth, err := strconv.Atoi(fields[3])
		if err == nil {
			err = fetchAs(backendtest.KillAfter(&host.Local{}, nth), fields[0], fields[1], fields[2])
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	source := filepath.Join(t.TempDir(), "image.gz")
	if err := os.WriteFile(source, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	for nth, killed := 1, true; killed; nth++ {
		pool, cache := t.TempDir(), t.TempDir()
		plan := strings.Join([]string{source, pool, cache, strconv.Itoa(nth)}, "\n")
		killed = backendtest.RunUntilKilled(t, t.Name(), plan)
		if _, err := os.Stat(filepath.Join(pool, "v")); err != nil {
			if !killed {
				t.Fatal(err)
			}
			if err := fetchAs(&host.Local{}, source, pool, cache); err != nil {
				t.Errorf("after change %d: %v", nth, err)
			}
			if left := names(t, cache); len(left) > 0 {
				t.Errorf("after change %d: the cache has %q", nth, left)
			}
		}
		checkContent(t, &pooldef.Pool{Target: pooldef.Target{Path: pool}}, image)
	}
}

func fetchInto(t *testing.T, h host.Host, p *pooldef.Pool, from fetch.Source) error {
	t.Helper()
	backends := func(h host.Host) map[pooldef.Type]backend.Backend {
		return map[pooldef.Type]backend.Backend{pooldef.Dir: dir.New(h, nil)}
	}
	d := &Driver{Host: h, Backends: backends(h), NewBackends: backends, Timeout: time.Minute}
	return d.Fetch(t.Context(), d.Backends[pooldef.Dir], p, &pooldef.Volume{Name: "v"}, from, nil)
}

// checkContent fails the test unless the volume v is the image.
func checkContent(t *testing.T, p *pooldef.Pool, image []byte) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(p.Target.Path, "v"))
	if err != nil || string(data) != string(image) {
		t.Errorf("the volume has %d bytes, %v", len(data), err)
	}
}

// names returns the names in a directory, which need not exist.
func names(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(data); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func sumOf(data []byte) fetch.Sum {
	sum, _ := fetch.ParseSum(fmt.Sprintf("%x", sha256.Sum256(data)))
	return sum
}
