package driver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// A fakeBackend manages pools in memory. It records the calls that change them.
type fakeBackend struct {
	active    bool
	activeErr error
	spaceErr  error
	volumes   []*pooldef.Volume
	calls     []string
}

func (b *fakeBackend) Active(context.Context, *pooldef.Pool) (bool, error) {
	return b.active, b.activeErr
}

func (b *fakeBackend) Space(context.Context, *pooldef.Pool) (pooldef.Space, error) {
	return pooldef.Space{}, b.spaceErr
}

func (b *fakeBackend) Volumes(context.Context, *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return func(yield func(*pooldef.Volume, error) bool) {
		for _, v := range b.volumes {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func (b *fakeBackend) Volume(_ context.Context, _ *pooldef.Pool, name string) (*pooldef.Volume, error) {
	for _, v := range b.volumes {
		if v.Name == name {
			return v, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
}

func (b *fakeBackend) Start(context.Context, *pooldef.Pool) error {
	b.active, b.calls = true, append(b.calls, "start")
	return nil
}

func (b *fakeBackend) Stop(context.Context, *pooldef.Pool) error {
	b.active, b.calls = false, append(b.calls, "stop")
	return nil
}

func (b *fakeBackend) Build(context.Context, *pooldef.Pool, backend.BuildOptions) error {
	b.calls = append(b.calls, "build")
	return nil
}

// testFiles writes the store's files directly.
type testFiles struct{ store.Files }

func (testFiles) WriteFile(path string, data []byte) error {
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	return errors.Join(err, os.WriteFile(path, data, 0o600))
}

func (f testFiles) WritePrivate(path string, data []byte) error { return f.WriteFile(path, data) }

func (testFiles) Remove(path string) error { return os.Remove(path) }

// newDriver returns a driver whose store has the definition of a pool p, with a backend for it.
func newDriver(t *testing.T) (*Driver, *fakeBackend) {
	t.Helper()
	dir, b := t.TempDir(), &fakeBackend{}
	d := &Driver{
		Store:    &store.Store{ConfigDir: dir + "/etc", RunDir: dir + "/run", Files: testFiles{}},
		Host:     &host.Local{},
		Backends: map[pooldef.Type]backend.Backend{pooldef.Dir: b},
		Timeout:  time.Hour, LockTimeout: time.Minute, PoolOption: "--pool",
		Warn:         func(format string, args ...any) { t.Errorf(format, args...) },
		WarnUnusable: func(pool string, err error) { t.Errorf("%s: %v", pool, err) },
	}
	p := &pooldef.Pool{Name: "p", Type: pooldef.Dir, Target: pooldef.Target{Path: dir + "/images"}}
	if err := d.Define(t.Context(), p, nil); err != nil {
		t.Fatal(err)
	}
	return d, b
}

func isActive(err error) bool { return errors.As(err, new(*ActiveError)) }

func isInactive(err error) bool { return errors.As(err, new(*InactiveError)) }

// TestStartAndStop builds, starts and stops a pool, and checks what its state allows.
func TestStartAndStop(t *testing.T) {
	d, b := newDriver(t)
	ctx := t.Context()
	if err := d.StopPool(ctx, "p"); !isInactive(err) {
		t.Errorf("stop of an inactive pool: %v", err)
	}
	if err := d.StartPool(ctx, "p", StartOptions{Build: &backend.BuildOptions{}}); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"start": d.StartPool(ctx, "p", StartOptions{}), "build": d.BuildPool(ctx, "p", backend.BuildOptions{}),
		"undefine": d.UndefinePool(ctx, "p"), "delete": d.DeletePool(ctx, "p"),
	} {
		if !isActive(err) {
			t.Errorf("%s of an active pool: %v", name, err)
		}
	}
	if started, err := d.AutostartPool(ctx, "p"); started || err != nil {
		t.Errorf("autostart of an active pool: %v, %v", started, err)
	}
	if err := d.StopPool(ctx, "p"); err != nil {
		t.Error(err)
	}
	if want := []string{"build", "start", "stop"}; !slices.Equal(b.calls, want) {
		t.Errorf("got %q, want %q", b.calls, want)
	}
	if err := d.UndefinePool(ctx, "p"); err != nil {
		t.Error(err)
	}
	if _, err := d.FindPool("p"); !errors.Is(err, store.ErrNoPool) {
		t.Errorf("find an undefined pool: %v", err)
	}
}

// TestStartUndone checks that a start is undone if the pool cannot be read afterwards.
func TestStartUndone(t *testing.T) {
	d, b := newDriver(t)
	b.spaceErr = fs.ErrPermission
	if err := d.StartPool(t.Context(), "p", StartOptions{}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("error %v", err)
	}
	if want := []string{"start", "stop"}; !slices.Equal(b.calls, want) {
		t.Errorf("got %q, want %q", b.calls, want)
	}
	if entry, err := d.FindPool("p"); err != nil || entry.Started != nil {
		t.Errorf("the run record exists (%v)", err)
	}
}

// A degradedBackend is a fakeBackend that lacks a device.
type degradedBackend struct{ *fakeBackend }

func (b *degradedBackend) StartDegraded(context.Context, *pooldef.Pool) ([]*pooldef.Volume, error) {
	b.active, b.calls = true, append(b.calls, "start degraded")
	return []*pooldef.Volume{{Name: "v", Err: fs.ErrNotExist}}, &backend.Warning{Text: "it lacks a device"}
}

// TestStartDegraded checks that a degraded start reports what is missing, and is refused, before anything is
// built, by a backend without it.
func TestStartDegraded(t *testing.T) {
	d, b := newDriver(t)
	o := StartOptions{Build: &backend.BuildOptions{}, Degraded: true}
	if err := d.StartPool(t.Context(), "p", o); !errors.As(err, new(*backend.UnsupportedError)) ||
		b.calls != nil {
		t.Errorf("error %v, calls %q", err, b.calls)
	}
	var warnings []string
	d.Warn = func(format string,
		args ...any) {
		warnings = append(warnings, fmt.Errorf(format, args...).Error())
	}
	d.Backends[pooldef.Dir] = &degradedBackend{b}
	if err := d.StartPool(t.Context(), "p", StartOptions{Degraded: true}); err != nil {
		t.Error(err)
	}
	want := []string{`volume "v" is not active: file does not exist`, "it lacks a device"}
	if !slices.Equal(warnings, want) || !slices.Equal(b.calls, []string{"start degraded"}) {
		t.Errorf("got %q, calls %q", warnings, b.calls)
	}
}

// TestFindVolume finds a volume by name, path and key, if its pool is active.
func TestFindVolume(t *testing.T) {
	d, b := newDriver(t)
	b.volumes = []*pooldef.Volume{{Name: "v", Key: "key", Target: pooldef.VolumeTarget{Path: "/images/v"}}}
	find := func(name, pool string) error {
		v, err := d.FindVolume(t.Context(), name, pool)
		if err == nil {
			v.Unlock()
		}
		return err
	}
	if err := find("v", "p"); !isInactive(err) {
		t.Errorf("find a volume in an inactive pool: %v", err)
	}
	b.active = true
	for _, test := range []struct {
		name, pool string
		found      bool
	}{
		{"v", "p", true}, {"key", "p", true}, {"/images/v", "p", true}, {"/images/v", "", true}, {"key", "", true},
		{"v", "", false}, {"/images/w", "", false}, {"w", "p", false},
	} {
		err := find(test.name, test.pool)
		if test.found && err != nil || !test.found && !errors.Is(err, backend.ErrNoVolume) {
			t.Errorf("%q in pool %q: %v", test.name, test.pool, err)
		}
	}
}
