package desired

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/dir"
	"poolctl/backend/driver"
	"poolctl/backend/host"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

func TestMain(m *testing.M) { backendtest.Main(m) }

// definitions declare two pools, one in the other, with volumes of all kinds.
const definitions = `
type: dir
name: images
uuid: 00000000-0000-4000-8000-000000000001
target: {path: ROOT/images, mode: "0750"}
state: {built: if-missing, active: true, autostart: true}
volumes:
- {name: top.qcow2, capacity: 2M, format: qcow2, backing: {pool: inner, volume: base.raw}}
- {name: old.raw, state: absent}
---
type: dir
name: inner
uuid: 00000000-0000-4000-8000-000000000002
target: {path: ROOT/images/inner}
state: {built: if-missing, active: true}
volumes:
- {name: base.raw, capacity: 64K}
- {name: copy.raw, source: {volume: base.raw}}
`

// storeFiles changes the store's files through a host.
type storeFiles struct {
	store.Files
	ctx  context.Context
	host host.Host
}

func (f storeFiles) WriteFile(path string, data []byte) error {
	return f.host.Change(f.ctx, host.WriteFile{Path: path, Data: data})
}

func (f storeFiles) Remove(path string) error { return f.host.Change(f.ctx, host.Unlink{Path: path}) }

func (f storeFiles) Symlink(target, link string) error {
	return f.host.Change(f.ctx, host.Symlink{Target: target, Link: link})
}

// newSession returns a session for the definitions on a machine below root.
func newSession(t *testing.T, h host.Host, root, text string) *Session {
	t.Helper()
	files := &store.Store{ConfigDir: root + "/etc", RunDir: root + "/run",
		Files: storeFiles{ctx: t.Context(), host: h}}
	backends := func(h host.Host) map[pooldef.Type]backend.Backend {
		return map[pooldef.Type]backend.Backend{pooldef.Dir: dir.New(h, files)}
	}
	d := &driver.Driver{Store: files, Host: h, Backends: backends(h), NewBackends: backends, Timeout: time.Hour,
		LockTimeout: time.Minute, Warn: func(format string, args ...any) { t.Errorf(format, args...) },
		WarnUnusable: func(pool string, err error) { t.Errorf("%s: %v", pool, err) }}
	document := Document{File: "set.yaml", Data: []byte(strings.ReplaceAll(text, "ROOT", root)), Set: "set"}
	set, err := Read([]Document{document}, pooldef.DesiredState{}, h)
	if err != nil {
		t.Fatal(err)
	}
	return &Session{Driver: d, Set: set, Delete: true, Prune: "set", Report: func([]*Change) {}}
}

// applyAll applies the definitions and returns the number of changes that were made, and the first failure.
func applyAll(t *testing.T, s *Session) (done int, failure error) {
	t.Helper()
	s.Report = func(changes []*Change) {
		for _, c := range changes {
			if c.Done {
				done++
			}
			if failure == nil {
				failure = c.Err
			}
		}
	}
	if err := s.Apply(t.Context()); err != nil && failure == nil {
		failure = err
	}
	return done, failure
}

// A breakingHost makes its nth change fail after it has taken effect.
type breakingHost struct {
	host.Host
	nth int

	mu    sync.Mutex
	count int
}

var errBroken = errors.New("injected fault")

func (b *breakingHost) Change(ctx context.Context, step host.Step) error {
	b.mu.Lock()
	b.count++
	count := b.count
	b.mu.Unlock()
	if count == b.nth {
		return errors.Join(errBroken, b.Host.Change(ctx, step))
	}
	return b.Host.Change(ctx, step)
}

// state describes the files below root, without the lock files and the times.
func state(t *testing.T, root string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Name() == "locks" {
			return fs.SkipDir
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s %v", strings.TrimPrefix(path, root), info.Mode())
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %x", sha256.Sum256([]byte(strings.ReplaceAll(string(data), root, "ROOT"))))
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// machine returns a directory with pools, volumes and files that nobody declares.
func machine(t *testing.T) string {
	t.Helper()
	root := emptyMachine(t)
	other := newSession(t, &host.Local{}, root, strings.NewReplacer("images", "other", "inner", "more",
		"4000-8000", "4000-9000", "autostart: true", "autostart: false").Replace(definitions))
	other.Prune = ""
	for _, p := range other.Set.Pools {
		p.Set, p.Pool.ManagedBy = "another", "another"
	}
	if _, err := applyAll(t, other); err != nil {
		t.Fatal(err)
	}
	return root
}

// emptyMachine returns a directory with two files, of which the definitions declare one.
func emptyMachine(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, file := range []string{"images/disk.raw", "images/old.raw"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, file), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// declared are the parts of a machine that the definitions are about.
var declared = []string{"/images", "/etc/images.yaml", "/etc/inner.yaml", "/etc/built/images",
	"/etc/built/inner", "/etc/autostart", "/run/images.xml", "/run/inner.xml"}

// undeclared removes from a state the parts that the definitions are about.
func undeclared(state string) string {
	var rest strings.Builder
	for line := range strings.Lines(state) {
		isDeclared := false
		for _, path := range declared {
			isDeclared = isDeclared || strings.HasPrefix(line, path)
		}
		if !isDeclared || strings.HasPrefix(line, "/images/disk.raw") {
			rest.WriteString(line)
		}
	}
	return rest.String()
}

// TestApply applies definitions twice: the second time, there is nothing to do. What is not declared stays as
// it is.
func TestApply(t *testing.T) {
	root := machine(t)
	before := undeclared(state(t, root))
	if done, err := applyAll(t, newSession(t, &host.Local{}, root, definitions)); done == 0 || err != nil {
		t.Fatal(done, err)
	}
	count := &breakingHost{Host: &host.Local{}}
	if done, err := applyAll(t, newSession(t, count, root, definitions)); done > 0 || err != nil {
		t.Error(done, err)
	}
	if count.count > 0 {
		t.Errorf("the second time, %d changes", count.count)
	}
	if after := undeclared(state(t, root)); after != before {
		t.Errorf("what nobody declares was\n%sand is\n%s", before, after)
	}
}

// removeLeftovers removes what killed processes have left in the pools.
func removeLeftovers(t *testing.T, root string) {
	t.Helper()
	d := newSession(t, &host.Local{}, root, definitions).Driver
	for _, name := range []string{"images", "inner"} {
		if err := d.RefreshPool(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
}

// checkInterrupted interrupts an apply at each change in turn. The next apply ends as if nothing had
// happened, except for leftovers that a refresh removes. interrupt returns false if there is no nth change.
func checkInterrupted(t *testing.T, interrupt func(root string, nth int) bool) {
	t.Helper()
	root := emptyMachine(t)
	if _, err := applyAll(t, newSession(t, &host.Local{}, root, definitions)); err != nil {
		t.Fatal(err)
	}
	want := state(t, root)
	for nth := 1; ; nth++ {
		root := emptyMachine(t)
		if !interrupt(root, nth) {
			t.Logf("%d changes", nth-1)
			return
		}
		if _, err := applyAll(t, newSession(t, &host.Local{}, root, definitions)); err != nil {
			t.Fatalf("after an interruption at change %d: %v", nth, err)
		}
		removeLeftovers(t, root)
		if got := state(t, root); got != want {
			t.Fatalf("after an interruption at change %d, the machine was\n%snot\n%s", nth, got, want)
		}
	}
}

// TestApplyFaults lets each change of an apply fail.
func TestApplyFaults(t *testing.T) {
	checkInterrupted(t, func(root string, nth int) bool {
		broken := &breakingHost{Host: &host.Local{}, nth: nth}
		_, _ = applyAll(t, newSession(t, broken, root, definitions))
		return broken.count >= nth
	})
}

// TestApplyKilled kills processes that apply, after each change.
func TestApplyKilled(t *testing.T) {
	if plan, ok := backendtest.CrashPlan(); ok {
		root, number, _ := strings.Cut(plan, " ")
		nth, err := strconv.Atoi(number)
		if err == nil {
			_, err = applyAll(t, newSession(t, backendtest.KillAfter(&host.Local{}, nth), root, definitions))
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	checkInterrupted(t, func(root string, nth int) bool {
		return backendtest.RunUntilKilled(t, t.Name(), fmt.Sprintf("%s %d", root, nth))
	})
}

// TestApplyTogether runs several applies at once. All succeed, and the machine is as after one.
func TestApplyTogether(t *testing.T) {
	root, other := emptyMachine(t), emptyMachine(t)
	if _, err := applyAll(t, newSession(t, &host.Local{}, other, definitions)); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 3 {
		s := newSession(t, &host.Local{}, root, definitions)
		wait.Go(func() {
			if _, err := applyAll(t, s); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if got, want := state(t, root), state(t, other); got != want {
		t.Errorf("the machine was\n%snot\n%s", got, want)
	}
}
