package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

	"poolctl/format"
	"poolctl/pooldef"
)

// A LockMode tells what for a lock is taken.
type LockMode int

// The modes: many may look at a pool and work on its volumes at once; starting, stopping or changing it needs it alone.
const (
	Shared LockMode = iota
	Exclusive
)

// LockPool locks one pool until unlock is called, or the process ends. It waits until ctx ends, then returns a LockError.
// Locks of a directory that cannot be written to are not needed for looking: nobody who may look there can change a thing.
// A run directory that other users can change is a TrustError for root. A lock file that is a symbolic link is refused,
// wherever it leads. A ReadOnly store makes no lock files, and needs none that is not there: nobody holds it.
func (s *Store) LockPool(ctx context.Context, name string, mode LockMode) (unlock func(), err error) {
	return s.lock(ctx, filepath.Join("pools", name+".lock"), fmt.Sprintf("pool %q", name), mode)
}

// LockDefinitions keeps others from defining pools, so that two that contradict each other cannot pass the checks at once.
func (s *Store) LockDefinitions(ctx context.Context) (unlock func(), err error) {
	return s.lock(ctx, "definitions.lock", "the set of definitions in "+s.ConfigDir, Exclusive)
}

func (s *Store) lock(ctx context.Context, name, what string, mode LockMode) (func(), error) {
	path, flags := filepath.Join(s.RunDir, "locks", name), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK
	run := s.openDirectory(s.RunDir)
	run.close()
	if untrusted := (*TrustError)(nil); errors.As(run.err, &untrusted) {
		return nil, fmt.Errorf("lock %s: %w", what, run.err)
	}
	err := error(nil)
	if !s.ReadOnly {
		flags |= os.O_CREATE
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
		lock := flock.New(path, flock.SetFlag(flags), flock.SetPermissions(0o600))
		try, wait := lock.TryLock, lock.TryLockContext
		if mode == Shared {
			try, wait = lock.TryRLock, lock.TryRLockContext
		}
		locked := false
		if locked, err = try(); err == nil && !locked { // one try, however short the time
			_, err = wait(ctx, 20*time.Millisecond)
		}
		switch {
		case err == nil:
			return func() { _ = lock.Close() }, nil // the file stays: whoever waits for it has it open
		case errors.Is(err, context.DeadlineExceeded):
			return nil, &pooldef.LockError{What: what, Holders: findHolders(path)}
		}
	}
	switch unwritable := errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS); {
	case s.ReadOnly && errors.Is(err, fs.ErrNotExist), mode == Shared && unwritable:
		return func() {}, nil
	}
	return nil, fmt.Errorf("lock %s: %w", what, err)
}

// findHolders asks the kernel who has a lock on a file (proc(5), /proc/locks), each once: what changes while it is read may be in it twice.
func findHolders(path string) []string {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	locks, err := os.Open("/proc/locks")
	if err != nil {
		return nil
	}
	defer locks.Close()
	inode := fmt.Sprintf(":%d", info.Sys().(*syscall.Stat_t).Ino)
	var found []string
	for lines := bufio.NewScanner(locks); lines.Scan(); {
		// 1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF
		fields := strings.Fields(lines.Text())
		if len(fields) < 8 || fields[1] != "FLOCK" || !strings.HasSuffix(fields[5], inode) {
			continue
		}
		command, _ := os.ReadFile("/proc/" + fields[4] + "/cmdline")
		words := format.Printable(string(bytes.ReplaceAll(bytes.TrimRight(command, "\x00"), []byte{0}, []byte{' '})))
		if holder := strings.TrimSpace(fmt.Sprintf("%s (pid %s)", words, fields[4])); !slices.Contains(found, holder) {
			found = append(found, holder)
		}
	}
	return found
}
