package driver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
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

// newMover returns a mover between file systems, or within one.
func newMover(t *testing.T, otherFileSystem bool) *mover {
	from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
	if otherFileSystem {
		shm, err := os.MkdirTemp("/dev/shm", "poolctl-test-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(shm) })
		to = shm
	}
	return moverBetween(t, from, to)
}

func moverBetween(t *testing.T, from, to string) *mover {
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

// has reports whether a pool has the complete volume.
func (m *mover) has(dir string) bool {
	data, err := os.ReadFile(dir + "/v")
	if err == nil && !bytes.Equal(data, m.data) {
		m.Errorf("%s has a partial volume", dir)
	}
	return err == nil
}

// TestMoveFaults makes each change of a move fail, and every later one, too. The volume is always complete in
// one of the pools or in both. After an error, it is where it was.
func TestMoveFaults(t *testing.T) {
	for _, otherFileSystem := range []bool{false, true} {
		m := newMover(t, otherFileSystem)
		for _, fault := range []failingHost{{}, {after: true}, {dead: true}, {after: true, dead: true}} {
			for nth := 1; ; nth++ {
				h := fault
				h.Host, h.nth = &host.Local{}, nth
				err := m.run(&h)
				from, to := m.has(m.from), m.has(m.to)
				isLast := h.count <= nth // deletion, or the rename within a file system
				mayHaveMoved := fault.after && (isLast || fault.dead)
				switch {
				case !from && !to:
					t.Fatalf("change %d of %+v: the volume is lost: %v", nth, fault, err)
				case err == nil && (from || !to):
					t.Errorf("change %d of %+v: success, but from %v to %v", nth, fault, from, to)
				case err != nil && !from && !mayHaveMoved:
					t.Errorf("change %d of %+v: the volume has moved despite %v", nth, fault, err)
				case err != nil && to && from && !fault.dead && !isLast:
					t.Errorf("change %d of %+v: the copy is left after %v", nth, fault, err)
				}
				if h.count < nth {
					break
				}
			}
		}
	}
}

// TestMoveKilled kills processes that move, after each change. The volume is always complete in one of the
// pools or in both.
func TestMoveKilled(t *testing.T) {
	if plan, ok := backendtest.CrashPlan(); ok {
		fields := strings.Split(plan, "\n")
		nth, err := strconv.Atoi(fields[2])
		if err == nil {
			err = moverBetween(t, fields[0], fields[1]).run(backendtest.KillAfter(&host.Local{}, nth))
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, otherFileSystem := range []bool{false, true} {
		m := newMover(t, otherFileSystem)
		for nth, killed := 1, true; killed; nth++ {
			killed = backendtest.RunUntilKilled(t, t.Name(), fmt.Sprintf("%s\n%s\n%d", m.from, m.to, nth))
			from, to := m.has(m.from), m.has(m.to)
			if !from && !to || !killed && (from || !to) {
				t.Errorf("killed after change %d (%v): from %v, to %v", nth, killed, from, to)
			}
		}
	}
}

// TestMoveOfChanging checks that a volume that is written to while it is moved, or replaced, stays.
func TestMoveOfChanging(t *testing.T) {
	m := newMover(t, true)
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
