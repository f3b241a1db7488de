package filevol

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// BuildDir makes a pool's directory and those above it that are missing. One that is there already gets the permissions of
// the definition, if there are any. What was begun is undone if it does not work out.
func (f Files) BuildDir(ctx context.Context, p *pooldef.Pool) (err error) {
	path := p.Target.Path
	if info, statErr := f.Host.Stat(path); statErr == nil && !info.IsDir() {
		return fmt.Errorf("%q is there already, and is not a directory", path)
	}
	missing, err := f.missing(path)
	if err != nil {
		return err
	}
	var made []string
	defer func() {
		if err == nil {
			return
		}
		for _, dir := range slices.Backward(made) {
			_ = f.Host.Change(context.WithoutCancel(ctx), host.Rmdir{Path: dir})
		}
	}()
	for _, dir := range missing {
		mode := fs.FileMode(0o755)
		if dir == path {
			mode = 0o711
		}
		if err := f.Host.Change(ctx, host.Mkdir{Path: dir, Mode: mode}); err != nil {
			return err
		}
		made = append(made, dir)
	}
	return f.applyDefinition(ctx, p, len(made) > 0)
}

// missing lists the directories that have to be made so that path is there, the uppermost first.
func (f Files) missing(path string) ([]string, error) {
	var dirs []string
	for dir := filepath.Clean(path); ; dir = filepath.Dir(dir) {
		_, err := f.Host.Stat(dir)
		switch {
		case err == nil:
			slices.Reverse(dirs)
			return dirs, nil
		case !errors.Is(err, fs.ErrNotExist) || dir == "/":
			return nil, err
		}
		dirs = append(dirs, dir)
	}
}

// applyDefinition sets owner, group and mode as the definition says, and copy-on-write on btrfs. There, what is new is made
// no-COW unless the definition wants it: images that are written at random suffer badly from copy-on-write.
func (f Files) applyDefinition(ctx context.Context, p *pooldef.Pool, isNew bool) error {
	path, want := p.Target.Path, p.Target.Permissions
	var steps []host.Step
	if want.Owner != nil || want.Group != nil {
		uid, gid := owner(want)
		steps = append(steps, host.Chown{Path: path, UID: uid, GID: gid})
	}
	if want.Mode != nil {
		steps = append(steps, host.Chmod{Path: path, Mode: fs.FileMode(*want.Mode)})
	}
	switch {
	case p.COW != nil:
		steps = append(steps, host.SetNoCOW{Path: path, On: !*p.COW})
	case isNew:
		if btrfs, err := f.Host.OnBtrfs(path); err == nil && btrfs {
			steps = append(steps, host.SetNoCOW{Path: path, On: true})
		}
	}
	for _, s := range steps {
		if err := f.Host.Change(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// RemoveDir removes a pool's directory, which has to be empty.
func (f Files) RemoveDir(ctx context.Context, p *pooldef.Pool) error {
	if _, err := f.Sweep(ctx, p); err != nil {
		return err
	}
	return f.Host.Change(ctx, host.Rmdir{Path: p.Target.Path})
}
