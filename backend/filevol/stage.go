package filevol

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// stagePrefix begins the names of directories in which volumes are made. They are never listed. Each is locked by the
// process that works in it, so that what a killed one left can be told from what is still being made.
const stagePrefix = ".poolctl-"

// staged makes a volume in a directory of its own beside its place and moves it there when it is whole: nobody ever sees half
// a volume, and a name that is taken meanwhile is refused. The directory's name follows from the volume's, so that two
// processes cannot make the same one.
func (f Files) staged(ctx context.Context, p *pooldef.Pool, name string, build func(path string) error) (err error) {
	stage := filepath.Join(p.Target.Path, stageName(name))
	unlock, err := f.openStage(ctx, stage)
	if err != nil {
		return err
	}
	defer unlock()
	defer func() {
		// However this ends, also by a signal: the stage goes.
		if cleanErr := f.Host.Change(context.WithoutCancel(ctx), host.RemoveTree{Path: stage}); err == nil {
			err = cleanErr
		}
	}()
	path := filepath.Join(stage, name)
	if err := build(path); err != nil {
		return err
	}
	return f.Host.Change(ctx, host.Rename{Old: path, New: filepath.Join(p.Target.Path, name)})
}

func stageName(name string) string {
	return fmt.Sprintf("%s%x", stagePrefix, sha256.Sum256([]byte(name)))[:len(stagePrefix)+16]
}

// openStage makes the directory and locks it. One that a killed process left is taken away first.
func (f Files) openStage(ctx context.Context, stage string) (unlock func(), err error) {
	err = f.Host.Change(ctx, host.Mkdir{Path: stage, Mode: 0o700})
	if errors.Is(err, fs.ErrExist) {
		if err := f.removeStale(ctx, stage); err != nil {
			return nil, err
		}
		err = f.Host.Change(ctx, host.Mkdir{Path: stage, Mode: 0o700})
	}
	if err != nil {
		return nil, err
	}
	dir, err := lockDir(stage)
	if errors.Is(err, fs.ErrNotExist) { // a dry run
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	return func() { dir.Close() }, nil
}

// errBusy tells that another process is making the same volume.
var errBusy = fmt.Errorf("another process is making a volume of that name: %w", fs.ErrExist)

// removeStale removes a stage that no living process has locked.
func (f Files) removeStale(ctx context.Context, stage string) error {
	dir, err := lockDir(stage)
	if err != nil {
		return err
	}
	defer dir.Close()
	return f.Host.Change(ctx, host.RemoveTree{Path: stage})
}

func lockDir(path string) (*os.File, error) {
	dir, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		dir.Close()
		if err == unix.EWOULDBLOCK {
			return nil, errBusy
		}
		return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
	}
	return dir, nil
}

// Sweep implements backend.Sweeper.
func (f Files) Sweep(ctx context.Context, p *pooldef.Pool) ([]string, error) {
	entries, err := os.ReadDir(p.Target.Path)
	if err != nil {
		return nil, err
	}
	var swept []string
	for _, e := range entries {
		stage := filepath.Join(p.Target.Path, e.Name())
		if !e.IsDir() || !strings.HasPrefix(e.Name(), stagePrefix) || len(e.Name()) != len(stageName("")) {
			continue
		}
		switch err := f.removeStale(ctx, stage); {
		case errors.Is(err, errBusy) || errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return swept, err
		default:
			swept = append(swept, stage)
		}
	}
	return swept, nil
}
