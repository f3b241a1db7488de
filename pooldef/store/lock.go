package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

	"poolctl/pooldef"
)

// A LockMode states how a lock is taken.
type LockMode int

// The modes.
const (
	Shared    LockMode = iota // to inspect a pool or work on its volumes; many processes at once
	Exclusive                 // to start, stop or change a pool; one process
)

// LockPool locks one pool until unlock is called or the process ends. It waits until ctx ends, and then
// returns a pooldef.LockError.
//
// Without permission to create or open the lock file, or on a read-only file system, a shared lock succeeds
// without the file: a user who cannot lock cannot change the pool either. A ReadOnly store creates no lock
// files; a missing lock file counts as locked, because no process holds it. A run directory that other users
// can change is a TrustError for root. A lock file that is a symbolic link is an error.
func (s *Store) LockPool(ctx context.Context, name string, mode LockMode) (unlock func(), err error) {
	return s.lock(ctx, filepath.Join("pools", name+".lock"), fmt.Sprintf("pool %q", name), mode)
}

// LockApply locks the volumes of a pool against other processes that apply definitions. Listings and other
// work on volumes need not wait. LockApply waits as LockPool does.
func (s *Store) LockApply(ctx context.Context, name string) (unlock func(), err error) {
	what := fmt.Sprintf("the volumes of pool %q", name)
	return s.lock(ctx, filepath.Join("apply", name+".lock"), what, Exclusive)
}

// LockDefinitions locks the set of definitions, so that two contradicting definitions cannot pass the checks
// at the same time. It waits as LockPool does.
func (s *Store) LockDefinitions(ctx context.Context) (unlock func(), err error) {
	return s.lock(ctx, "definitions.lock", "the set of definitions in "+s.ConfigDir, Exclusive)
}

// LockSnapshots locks the names of snapshots in a pool, so that two processes cannot create the same snapshot
// at the same time. It waits as LockPool does.
func (s *Store) LockSnapshots(ctx context.Context, pool string) (unlock func(), err error) {
	name := filepath.Join("snapshots", pool+".lock")
	return s.lock(ctx, name, fmt.Sprintf("the snapshots in pool %q", pool), Exclusive)
}

func (s *Store) lock(ctx context.Context, name, what string, mode LockMode) (func(), error) {
	path, flags := filepath.Join(s.RunDir, "locks", name), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK
	run := s.openDirectory(s.RunDir)
	run.close()
	if _, ok := errors.AsType[*TrustError](run.err); ok {
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
		if locked, err = try(); err == nil && !locked { // try once, even if ctx has ended
			_, err = wait(ctx, 20*time.Millisecond)
		}
		switch {
		case err == nil:
			return func() { _ = lock.Close() }, nil // the file stays, because waiting processes have it open
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
