package filevol

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// isStagingName reports whether a name is that of a staging directory. Listings omit these names, and volumes
// cannot have them.
func isStagingName(name string) bool {
	digits, ok := strings.CutPrefix(name, ".poolctl-")
	return ok && len(digits) == 16 && strings.Trim(digits, "0123456789abcdef") == ""
}

// stagingName derives the name of a volume's staging directory from the volume's name. So two processes
// cannot create the same volume, and the next process that creates the volume removes what a killed process
// left.
func stagingName(volume string) string {
	return fmt.Sprintf(".poolctl-%.8x", sha256.Sum256([]byte(volume)))
}

// withStaging creates the volume d in a staging directory, labels it, and moves the complete volume to its
// name. No other process ever sees a partial volume. If the name has been taken in the meantime, withStaging
// fails.
func (f Files) withStaging(ctx context.Context, dir *host.Dir, d *pooldef.Volume,
	build func(path string) error) error {
	err := f.inStaging(ctx, dir, d.Name, func(stage *host.Stage, path string) error {
		err := build(path)
		if err == nil {
			err = f.labelVolume(ctx, path, dir, d)
		}
		if err == nil {
			err = f.moveIntoPlace(ctx, stage.Inode(d.Name), path, dir, d.Name)
		}
		return err
	})
	if errors.Is(err, errStageInUse) {
		return &backend.ExistsError{Path: filepath.Join(dir.Path, d.Name), Incomplete: true}
	}
	return err
}

// errStageInUse is returned by inStaging if another process has the staging directory of the volume.
var errStageInUse = errors.New("the staging directory is in use")

// inStaging calls work with a volume's staging directory, and with the volume's path in it. It removes the
// directory afterwards.
func (f Files) inStaging(ctx context.Context, dir *host.Dir, name string,
	work func(stage *host.Stage, path string) error) error {
	stage := &host.Stage{Path: filepath.Join(dir.Path, stagingName(name))}
	defer func() { stage.Release() }()
	err := f.createStage(ctx, dir, &stage)
	if errors.Is(err, fs.ErrExist) {
		return errStageInUse
	}
	// Remove the staging directory in any case, also after a signal. If that fails, the volume still counts
	// as created.
	defer func() { _ = f.Host.Change(context.WithoutCancel(ctx), host.Unstage{Stage: stage}) }()
	if err == nil {
		err = work(stage, filepath.Join(stage.Path, name))
	}
	return err
}

// createStage creates a staging directory and first removes the leftovers of a killed process; another
// process may be doing the same. If the name is taken by something other than a staging directory, or by
// another user, the staging directory gets a random name, because the name may never become free.
func (f Files) createStage(ctx context.Context, dir *host.Dir, stage **host.Stage) (err error) {
	for range 5 {
		err = nil
		owner, there := dir.Owner(filepath.Base((*stage).Path))
		if there && owner == os.Geteuid() {
			err = f.Host.Change(ctx, host.Sweep{Path: (*stage).Path})
		}
		// ENOTEMPTY counts as ErrExist.
		inUse := errors.Is(err, fs.ErrExist) && !errors.Is(err, unix.ENOTEMPTY)
		if gone := err == nil || errors.Is(err, fs.ErrNotExist); there &&
			(owner != os.Geteuid() || !gone && !inUse) {
			*stage = &host.Stage{Path: filepath.Join(dir.Path, stagingName(rand.Text()))}
			err = nil
		}
		if !inUse {
			err = f.Host.Change(ctx, *stage)
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := host.Sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return err
}

// moveIntoPlace moves a volume to its name. If the move reports an error although it happened, as it may over
// a network, it is undone.
func (f Files) moveIntoPlace(ctx context.Context, made host.Inode, from string, dir *host.Dir,
	name string) error {
	path := filepath.Join(dir.Path, name)
	err := f.Host.Change(ctx, host.Rename{Old: from, New: path})
	if err == nil {
		return nil
	}
	if made != (host.Inode{}) && dir.Inode(name) == made {
		_ = f.Host.Change(context.WithoutCancel(ctx), host.Rename{Old: path, New: from})
	}
	return err
}

// RemoveStale implements backend.StaleRemover. Staging directories in use, other files with such a name, and
// what may not be removed stay.
func (f Files) RemoveStale(ctx context.Context, p *pooldef.Pool) ([]string, error) {
	dir, err := f.openPoolDir(p)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	paths, err := stagingPaths(dir, p)
	if err != nil {
		return nil, err
	}
	var removed []string
	for _, path := range paths {
		err := f.Host.Change(ctx, host.Sweep{Path: path})
		switch {
		case err == nil:
			removed = append(removed, path)
		case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist): // ENOTEMPTY counts as ErrExist
		case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
		default:
			return removed, err
		}
	}
	return removed, nil
}

// FindStale implements backend.StaleFinder.
func (f Files) FindStale(_ context.Context, p *pooldef.Pool) ([]string, error) {
	dir, err := f.openPoolDir(p)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	paths, err := stagingPaths(dir, p)
	isFresh := func(path string) bool { return !host.IsStale(path, time.Hour) }
	return slices.DeleteFunc(paths, isFresh), err
}

// stagingPaths returns the paths of all files and directories that have the name of a staging directory.
func stagingPaths(dir *host.Dir, p *pooldef.Pool) (paths []string, err error) {
	entries, err := dir.List()
	for _, e := range entries {
		if isStagingName(e.Name) && (e.Type.IsDir() || e.Type.IsRegular()) {
			paths = append(paths, filepath.Join(p.Target.Path, e.Name))
		}
	}
	return paths, err
}
