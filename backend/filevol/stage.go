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
	"regexp"
	"time"

	"golang.org/x/sys/unix"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// isStage tells the names of stages, in which volumes are made. They are never listed, and no volume can have one.
var isStage = regexp.MustCompile(`^\.poolctl-[0-9a-f]{16}$`).MatchString

// stageName follows from the volume's name, so that two processes cannot make the same volume, and so that whoever makes one
// removes what a killed process left of it.
func stageName(volume string) string {
	return fmt.Sprintf(".poolctl-%.8x", sha256.Sum256([]byte(volume)))
}

// withStaging makes a volume in a stage beside its place and moves it there when it is whole: nobody ever sees half a volume, and a
// name that is taken meanwhile is refused.
func (f Files) withStaging(ctx context.Context, dir *host.Dir, name string, build func(path string) error) error {
	stage := &host.Stage{Path: filepath.Join(dir.Path, stageName(name))}
	defer func() { stage.Release() }()
	err := f.begin(ctx, dir, &stage)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("another process is making a volume of that name: %w", fs.ErrExist)
	}
	// However this ends, also by a signal: the stage goes. If it does not, that is no reason to call the volume not made.
	defer func() { _ = f.Host.Change(context.WithoutCancel(ctx), host.Unstage{Stage: stage}) }()
	path := filepath.Join(stage.Path, name)
	if err == nil {
		err = build(path)
	}
	if err == nil {
		err = f.show(ctx, stage.Inode(name), path, dir, name)
	}
	return err
}

// begin makes a stage. What a killed process left at its place goes first; somebody else may be just about to do that, too. Where there is
// something that is no stage, or another user's, so that we may never get the name, the stage gets another.
func (f Files) begin(ctx context.Context, dir *host.Dir, stage **host.Stage) (err error) {
	for range 5 {
		err = nil
		owner, there := dir.Owner(filepath.Base((*stage).Path))
		if there && owner == os.Geteuid() {
			err = f.Host.Change(ctx, host.Sweep{Path: (*stage).Path})
		}
		inUse := errors.Is(err, fs.ErrExist) && !errors.Is(err, unix.ENOTEMPTY) // which counts as ErrExist
		if gone := err == nil || errors.Is(err, fs.ErrNotExist); there && (owner != os.Geteuid() || !gone && !inUse) {
			*stage = &host.Stage{Path: filepath.Join(dir.Path, stageName(rand.Text()))}
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

// show moves what is an inode to its place. If that is reported as an error although it has happened, as over a network it may be, it is undone.
func (f Files) show(ctx context.Context, made host.Inode, from string, dir *host.Dir, name string) error {
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

// Sweep implements backend.Sweeper. What is in use, or no stage in spite of its name, stays; so does what may not be removed.
func (f Files) Sweep(ctx context.Context, p *pooldef.Pool) ([]string, error) {
	dir, err := f.enter(p)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, err := dir.List()
	if err != nil {
		return nil, err
	}
	var swept []string
	for _, e := range entries {
		if !isStage(e.Name()) || !e.IsDir() && !e.Type().IsRegular() {
			continue
		}
		path := filepath.Join(p.Target.Path, e.Name())
		err := f.Host.Change(ctx, host.Sweep{Path: path})
		switch {
		case err == nil:
			swept = append(swept, path)
		case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist): // ENOTEMPTY counts as ErrExist
		case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
		default:
			return swept, err
		}
	}
	return swept, nil
}
