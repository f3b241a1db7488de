package driver

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"poolctl/backend"
	"poolctl/backend/dir"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

var errInjected = errors.New("injected")

// A failingHost fails in its nth change: before or after the change takes effect. If it is dead, all later
// changes fail, too, as if the process had been killed.
type failingHost struct {
	host.Host
	nth         int
	after, dead bool
	meanwhile   func() // called instead of a failure
	count       int
}

func (h *failingHost) Change(ctx context.Context, step host.Step) error {
	h.count++
	switch {
	case h.count < h.nth, h.count > h.nth && !h.dead:
		return h.Host.Change(ctx, step)
	case h.meanwhile != nil:
		h.meanwhile()
		return h.Host.Change(ctx, step)
	case h.after && h.count == h.nth:
		return errors.Join(h.Host.Change(ctx, step), errInjected)
	}
	return errInjected
}

// A mover moves the volume v with data from a pool to another one.
type mover struct {
	*testing.T
	d        *Driver
	from, to string // directories
	data     []byte
}

// newMover returns a mover between file systems.
func newMover(t *testing.T) *mover {
	to, err := os.MkdirTemp("/dev/shm", "poolctl-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(to) })
	from := filepath.Join(t.TempDir(), "from")
	d, _ := newDriver(t)
	m := &mover{t, d, from, to, bytes.Repeat([]byte("data"), 5000)}
	for name, path := range map[string]string{"from": m.from, "to": m.to} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		p := &pooldef.Pool{Name: name, Type: pooldef.Dir, Target: pooldef.Target{Path: path}}
		if err := errors.Join(d.Define(t.Context(), p, nil), d.Store.SaveState(p)); err != nil {
			t.Fatal(err)
		}
	}
	d.NewBackends = func(h host.Host) map[pooldef.Type]backend.Backend {
		return map[pooldef.Type]backend.Backend{pooldef.Dir: dir.New(h, nil)}
	}
	return m
}

// run puts the volume into the first pool and moves it.
func (m *mover) run(h host.Host) error {
	m.Helper()
	empty(m, m.from)
	empty(m, m.to)
	if err := os.WriteFile(m.from+"/v", m.data, 0o600); err != nil {
		m.Fatal(err)
	}
	m.d.Host = h
	m.d.Backends = m.d.NewBackends(h)
	v, err := m.d.FindVolume(m.Context(), "v", "from")
	if err != nil {
		m.Fatal(err)
	}
	defer v.Unlock()
	entry, b, unlock, err := m.d.ActivePool(m.Context(), "to")
	defer unlock()
	if err != nil {
		m.Fatal(err)
	}
	_, err = m.d.MoveVolume(m.Context(), v, Destination{Pool: entry.Current(), Backend: b, Name: "v"}, nil)
	return err
}

// empty removes the files of a directory.
func empty(t testing.TB, dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		os.RemoveAll(filepath.Join(dir, e.Name()))
	}
}

// TestMoveOfChanging checks that a volume that is written to while it is moved, or replaced, stays.
func TestMoveOfChanging(t *testing.T) {
	m := newMover(t)
	for name, change := range map[string]func() error{
		"written": func() error {
			f, err := os.OpenFile(m.from+"/v", os.O_WRONLY, 0)
			_, writeErr := f.Write([]byte("DATA"))
			return errors.Join(err, writeErr, f.Close())
		},
		"replaced": func() error {
			return errors.Join(os.WriteFile(m.from+"/w", m.data, 0o600), os.Rename(m.from+"/w", m.from+"/v"))
		},
	} {
		count := &failingHost{Host: &host.Local{}}
		if err := m.run(count); err != nil {
			t.Fatal(err)
		}
		for nth := 2; nth < count.count; nth++ { // the first change is before the copy, the last is the deletion
			h := &failingHost{Host: &host.Local{}, nth: nth, meanwhile: func() {
				if err := change(); err != nil {
					t.Error(err)
				}
			}}
			err := m.run(h)
			_, statErr := os.Stat(m.to + "/v")
			if err == nil || statErr == nil || !slices.Contains(names(t, m.from), "v") {
				t.Errorf("%s before change %d: error %v, copy %v, source %v", name, nth, err, statErr, names(t, m.from))
			}
		}
	}
}
