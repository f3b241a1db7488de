package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"poolctl/pooldef"
)

// TestMain lets the test binary act as another process that takes a lock. The process reports the lock, and
// releases it when its standard input ends.
func TestMain(m *testing.M) {
	if dir := os.Getenv("POOLDEF_TEST_LOCK"); dir != "" {
		holdLock(&Store{RunDir: dir}, os.Args[1], os.Args[2])
		return
	}
	os.Exit(m.Run())
}

func holdLock(s *Store, pool, mode string) {
	unlock, err := takeLock(s, context.Background(), pool, mode)
	fmt.Println("locked", err)
	_, _ = io.Copy(io.Discard, os.Stdin)
	unlock()
}

func takeLock(s *Store, ctx context.Context, pool, mode string) (func(), error) {
	if pool == "" {
		return s.LockDefinitions(ctx)
	}
	return s.LockPool(ctx, pool, map[string]LockMode{"shared": Shared, "exclusive": Exclusive}[mode])
}

// lockInProcess starts a process that holds a lock until release is called.
func lockInProcess(t *testing.T, s *Store, pool, mode string) (release func(), pid int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], pool, mode)
	cmd.Env = append(os.Environ(), "POOLDEF_TEST_LOCK="+s.RunDir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked <nil>\n" {
		t.Fatal(line, err)
	}
	stopped := false
	release = func() {
		if !stopped {
			stopped = true
			in.Close()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(release)
	return release, cmd.Process.Pid
}

// tryLock takes a lock in this process without waiting.
func tryLock(t *testing.T, s *Store, pool, mode string) (unlock func(), err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	return takeLock(s, ctx, pool, mode)
}

// TestLocks checks pairs of locks in two processes: shared locks can be held together, exclusive ones cannot.
func TestLocks(t *testing.T) {
	for _, c := range []struct {
		theirPool, theirs, ourPool, ours string
		free                             bool
	}{
		{"x", "shared", "x", "shared", true},
		{"x", "shared", "x", "exclusive", false},
		{"x", "exclusive", "x", "shared", false},
		{"x", "exclusive", "x", "exclusive", false},
		{"x", "exclusive", "y", "exclusive", true},
		{"", "", "", "", false},
		{"", "", "x", "exclusive", true},
		{"definitions", "exclusive", "", "", true}, // a pool of that name
	} {
		t.Run(fmt.Sprintf("%s %s, %s %s", c.theirPool, c.theirs, c.ourPool, c.ours), func(t *testing.T) {
			s := newStore(t)
			release, _ := lockInProcess(t, s, c.theirPool, c.theirs)
			unlock, err := tryLock(t, s, c.ourPool, c.ours)
			if locked := (*pooldef.LockError)(nil); (err == nil) != c.free || err != nil &&
				!errors.As(err, &locked) {
				t.Fatal(err)
			}
			if err == nil {
				unlock()
			}
			release()
			if unlock, err = tryLock(t, s, c.ourPool, c.ours); err != nil {
				t.Fatalf("after the other process released it: %v", err)
			}
			unlock()
		})
	}
}

// TestLockError checks that a process that waits in vain learns the holders of the lock.
func TestLockError(t *testing.T) {
	s := newStore(t)
	_, one := lockInProcess(t, s, "x", "shared")
	_, two := lockInProcess(t, s, "x", "shared")
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := s.LockPool(ctx, "x", Exclusive)
	if took := time.Since(start); took < 100*time.Millisecond {
		t.Errorf("waited only %v", took)
	}
	if locked, ok := errors.AsType[*pooldef.LockError](err); !ok || len(locked.Holders) != 2 {
		t.Fatal(err)
	}
	if !strings.HasPrefix(err.Error(), `pool "x" is locked by `) {
		t.Error(err)
	}
	for _, pid := range []int{one, two} {
		want := fmt.Sprintf("%s x shared (pid %d)", os.Args[0], pid)
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: no %s", err, want)
		}
	}
	if text := (&pooldef.LockError{What: "it"}).Error(); text != "it is locked by another process" {
		t.Error(text)
	}
	if _, err := tryLock(t, s, "", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := tryLock(t, s, "", ""); err == nil ||
		!strings.Contains(err.Error(), "the set of definitions in "+s.ConfigDir) {
		t.Error(err)
	}
}

// TestHoldersOf checks that a lock on a file with the same inode number on another device does not count.
func TestHoldersOf(t *testing.T) {
	const locks = `1: FLOCK  ADVISORY  WRITE 999999991 00:2b:19 0 EOF
2: FLOCK  ADVISORY  WRITE 999999992 00:2c:19 0 EOF
3: POSIX  ADVISORY  WRITE 999999993 00:2b:19 0 EOF
3: -> FLOCK  ADVISORY  WRITE 999999994 00:2b:19 0 EOF
4: FLOCK  ADVISORY  WRITE 999999991 00:2b:19 0 EOF
5: FLOCK  ADVISORY  WRITE 999999995 10:2b:19 0 EOF
`
	holders := holdersOf("00:2b:19", strings.NewReader(locks))
	if want := []string{"(pid 999999991)"}; !slices.Equal(holders, want) {
		t.Errorf("%q, want %q", holders, want)
	}
}

// TestLockWaits checks that a waiting process gets the lock when it is released, even if the holder was
// killed, and that the lock file stays.
func TestLockWaits(t *testing.T) {
	s := newStore(t)
	_, pid := lockInProcess(t, s, "x", "exclusive")
	time.AfterFunc(100*time.Millisecond, func() { _ = unix.Kill(pid, unix.SIGKILL) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	unlock, err := s.LockPool(ctx, "x", Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	if _, err := os.Stat(filepath.Join(s.RunDir, "locks", "pools", "x.lock")); err != nil {
		t.Error(err)
	}
}

// TestLockInterrupted checks that an interrupted wait is not reported as a LockError.
func TestLockInterrupted(t *testing.T) {
	s := newStore(t)
	lockInProcess(t, s, "x", "exclusive")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := s.LockPool(ctx, "x", Shared); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestLockReadOnly checks that in a run directory that cannot be written to, shared locks succeed and
// exclusive ones fail.
func TestLockReadOnly(t *testing.T) {
	s := newStore(t)
	unlock, err := s.LockPool(t.Context(), "there", Exclusive) // creates a lock file for its owner only
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	parent := filepath.Dir(s.RunDir)
	for _, dir := range []string{s.RunDir + "/locks/pools", s.RunDir + "/locks", s.RunDir, parent} {
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
	}
	defer asNobody(t)()
	for _, pool := range []string{"there", "new"} {
		unlock, err := s.LockPool(t.Context(), pool, Shared)
		if err != nil {
			t.Errorf("%s: %v", pool, err)
		} else {
			unlock()
		}
	}
	if _, err := s.LockPool(t.Context(), "new", Exclusive); !errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
	missing := &Store{RunDir: filepath.Join(parent, "missing")}
	_, err = missing.LockPool(t.Context(), "x", Shared)
	if err != nil {
		t.Error(err)
	}
}

// asNobody drops root's file permissions in this thread, and returns a function that restores them.
func asNobody(t *testing.T) func() {
	if os.Geteuid() != 0 {
		return func() {}
	}
	runtime.LockOSThread()
	if _, err := unix.SetfsuidRetUid(65534); err != nil {
		t.Fatal(err)
	}
	return func() {
		_, _ = unix.SetfsuidRetUid(0)
		runtime.UnlockOSThread()
	}
}
