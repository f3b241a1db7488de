package filevol

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// BuildDir creates a pool's directory and its missing parents. An existing directory gets the permissions of
// the definition. The steps in more run last. If a step fails, the changes before it are undone, except those
// in more.
func (f Files) BuildDir(ctx context.Context, p *pooldef.Pool, more ...host.Step) error {
	path := filepath.Clean(p.Target.Path)
	info, err := f.stat(p, path)
	switch {
	case err == nil && !info.IsDir():
		return fmt.Errorf("%q exists already and is not a directory", path)
	case err == nil:
		return f.changeAll(ctx, slices.Concat(adoptDir(path, info, p.Target.Permissions), withoutUndo(more),
			f.setCOW(path, p.COW, false)))
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	changes, err := f.makeParents(ctx, p, filepath.Dir(path))
	if err != nil {
		return err
	}
	want := p.Target.Permissions
	label, err := f.labelSteps(ctx, path, path, "dir", want)
	if err != nil {
		return err
	}
	changes = append(changes, change{do: host.Mkdir{Path: path, Mode: modeOr(want, 0o711)},
		undo: host.Rmdir{Path: path}})
	if uid, gid := owner(want); uid >= 0 || gid >= 0 {
		changes = append(changes, change{do: host.Chown{Path: path, UID: uid, GID: gid}})
	}
	return f.changeAll(ctx,
		slices.Concat(changes, withoutUndo(label), withoutUndo(more), f.setCOW(path, p.COW, true)))
}

// SetPermissions implements backend.PermissionSetter.
func (f Files) SetPermissions(ctx context.Context, p *pooldef.Pool) error {
	if err := f.checkReady(p); err != nil {
		return err
	}
	path := filepath.Clean(p.Target.Path)
	info, err := f.stat(p, path)
	if err != nil {
		return err
	}
	return f.changeAll(ctx, adoptDir(path, info, p.Target.Permissions))
}

// withoutUndo converts steps to changes that nothing undoes.
func withoutUndo(steps []host.Step) []change {
	changes := make([]change, len(steps))
	for i, s := range steps {
		changes[i].do = s
	}
	return changes
}

// A change is a step, and the step that undoes it, if needed.
type change struct {
	do, undo host.Step
	shared   bool // another process may create the same object concurrently
}

// changeAll makes all changes or none. If a change fails, it and the changes before it are undone, because a
// change that failed may still have happened. Objects that another process created are not undone.
func (f Files) changeAll(ctx context.Context, changes []change) error {
	var done []change
	for _, c := range changes {
		err := f.Host.Change(ctx, c.do)
		theirs := errors.Is(err, fs.ErrExist)
		if theirs && c.shared {
			continue
		}
		if !theirs {
			done = append(done, c)
		}
		if err == nil {
			continue
		}
		for _, c := range slices.Backward(done) {
			if c.undo != nil {
				_ = f.Host.Change(context.WithoutCancel(ctx), c.undo)
			}
		}
		return err
	}
	return nil
}

// makeParents returns the changes that create the missing directories down to path, which the pool's
// directory is in.
func (f Files) makeParents(ctx context.Context, p *pooldef.Pool, path string) ([]change, error) {
	var changes []change
	for dir := path; ; dir = filepath.Dir(dir) {
		_, err := f.stat(p, dir)
		switch {
		case err == nil:
			slices.Reverse(changes)
			return changes, nil
		case !errors.Is(err, fs.ErrNotExist) || dir == "/":
			return nil, err
		}
		label, err := f.labelSteps(ctx, dir, dir, "dir", pooldef.Permissions{})
		if err != nil {
			return nil, err
		}
		// last first
		changes = append(changes, withoutUndo(label)...)
		changes = append(changes, change{do: host.Mkdir{Path: dir, Mode: 0o755}, undo: host.Rmdir{Path: dir},
			shared: true})
	}
}

// adoptDir returns the changes that give an existing directory the wanted owner, group and permission bits. A
// sticky bit stays.
func adoptDir(path string, info fs.FileInfo, want pooldef.Permissions) []change {
	var changes []change
	s, ok := info.Sys().(*syscall.Stat_t)
	if ok && hasPermissions(s, want) {
		return nil
	}
	if ok && (want.Owner != nil || want.Group != nil) {
		uid, gid := owner(want)
		changes = append(changes, change{
			do:   host.Chown{Path: path, UID: uid, GID: gid},
			undo: host.Chown{Path: path, UID: int(s.Uid), GID: int(s.Gid)}})
	}
	if want.Mode != nil {
		mode := fs.FileMode(*want.Mode) | info.Mode()&fs.ModeSticky
		changes = append(changes, change{do: host.Chmod{Path: path, Mode: mode},
			undo: host.Chmod{Path: path, Mode: info.Mode()}})
	}
	return changes
}

// hasPermissions reports whether a directory has the permissions that a definition wants.
func hasPermissions(s *syscall.Stat_t, want pooldef.Permissions) bool {
	uid, gid := owner(want)
	return (uid < 0 || int(s.Uid) == uid) && (gid < 0 || int(s.Gid) == gid) &&
		(want.Mode == nil || s.Mode&0o7777&^syscall.S_ISVTX == *want.Mode&^syscall.S_ISVTX)
}

// setCOW returns the change that turns copy-on-write of a directory on btrfs on or off. As the last change,
// it needs no undo. Copy-on-write is turned off for new directories unless the definition wants it, because
// images with random writes suffer badly from copy-on-write.
func (f Files) setCOW(path string, want *bool, isNew bool) []change {
	switch {
	case want != nil:
		return []change{{do: host.SetNoCOW{Path: path, On: !*want}}}
	case isNew:
		if btrfs, err := f.Host.OnBtrfs(path); err == nil && btrfs {
			return []change{{do: host.SetNoCOW{Path: path, On: true}}}
		}
	}
	return nil
}

// RemoveDir removes a pool's directory, which must be empty. It does not require that anything is mounted
// there.
func (f Files) RemoveDir(ctx context.Context, p *pooldef.Pool) error {
	if _, err := f.RemoveStale(ctx, p); err != nil && !errors.As(err, new(*backend.NotReadyError)) {
		return err
	}
	return f.removeDir(ctx, p)
}

// removeDir removes a pool's directory, which must be empty. It refuses a symbolic link.
func (f Files) removeDir(ctx context.Context, p *pooldef.Pool) error {
	path := filepath.Clean(p.Target.Path)
	if _, err := f.stat(p, path); errors.As(err, new(*backend.NotReadyError)) {
		return err
	}
	if h, err := f.Host.OpenPath(path); err == nil {
		defer h.Close()
		if to := f.Host.Canonical(path); h.IsLink() {
			return &backend.StateError{Text: fmt.Sprintf("%q is a symbolic link to %q", path, to),
				Hint: shell.Join("rmdir", to) + " && " + shell.Join("rm", path)}
		}
	}
	return f.Host.Change(ctx, host.Rmdir{Path: p.Target.Path})
}
