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
	"poolctl/pooldef"
)

// BuildDir makes a pool's directory, and those above it that are missing. One that is there already gets the permissions of
// the definition, if there are any. Then come more steps. What was begun is undone if it does not work out, but for these.
func (f Files) BuildDir(ctx context.Context, p *pooldef.Pool, more ...host.Step) error {
	path := filepath.Clean(p.Target.Path)
	info, err := f.Host.Stat(path)
	switch {
	case err == nil && !info.IsDir():
		return fmt.Errorf("%q is there already, and is not a directory", path)
	case err == nil:
		return f.changeAll(ctx, slices.Concat(adopt(path, info, p.Target.Permissions), final(more), f.setCOW(path, p.COW, false)))
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	changes, err := f.makeParents(filepath.Dir(path))
	if err != nil {
		return err
	}
	want := p.Target.Permissions
	changes = append(changes, change{do: host.Mkdir{Path: path, Mode: modeOr(want, 0o711)}, undo: host.Rmdir{Path: path}})
	if uid, gid := owner(want); uid >= 0 || gid >= 0 {
		changes = append(changes, change{do: host.Chown{Path: path, UID: uid, GID: gid}})
	}
	return f.changeAll(ctx, slices.Concat(changes, final(more), f.setCOW(path, p.COW, true)))
}

// final makes changes of steps that nothing undoes.
func final(steps []host.Step) []change {
	changes := make([]change, len(steps))
	for i, s := range steps {
		changes[i].do = s
	}
	return changes
}

// A change is a step and the one that undoes it, if that is needed.
type change struct {
	do, undo host.Step
	anybody  bool // what it makes may just as well be made by somebody else meanwhile
}

// changeAll makes all changes or none: if one fails, those before it are undone, and also that one, which may have happened.
// What somebody else has made is not ours to undo.
func (f Files) changeAll(ctx context.Context, changes []change) error {
	var done []change
	for _, c := range changes {
		err := f.Host.Change(ctx, c.do)
		theirs := errors.Is(err, fs.ErrExist)
		if theirs && c.anybody {
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

// makeParents makes the directories down to path that are missing.
func (f Files) makeParents(path string) ([]change, error) {
	var changes []change
	for dir := path; ; dir = filepath.Dir(dir) {
		_, err := f.Host.Stat(dir)
		switch {
		case err == nil:
			slices.Reverse(changes)
			return changes, nil
		case !errors.Is(err, fs.ErrNotExist) || dir == "/":
			return nil, err
		}
		changes = append(changes, change{do: host.Mkdir{Path: dir, Mode: 0o755}, undo: host.Rmdir{Path: dir}, anybody: true})
	}
}

// adopt gives a directory that is there already the wanted owner, group and permission bits. Its sticky bit stays.
func adopt(path string, info fs.FileInfo, want pooldef.Permissions) []change {
	var changes []change
	if s, ok := info.Sys().(*syscall.Stat_t); ok && (want.Owner != nil || want.Group != nil) {
		uid, gid := owner(want)
		changes = append(changes, change{
			do: host.Chown{Path: path, UID: uid, GID: gid}, undo: host.Chown{Path: path, UID: int(s.Uid), GID: int(s.Gid)}})
	}
	if want.Mode != nil {
		mode := fs.FileMode(*want.Mode) | info.Mode()&fs.ModeSticky
		changes = append(changes, change{do: host.Chmod{Path: path, Mode: mode}, undo: host.Chmod{Path: path, Mode: info.Mode()}})
	}
	return changes
}

// setCOW turns copy-on-write of a directory on btrfs on or off, as its last change: it needs no undoing. What is new is made
// no-COW unless the definition wants it: images that are written at random suffer badly from copy-on-write.
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

// RemoveDir removes a pool's directory, which has to be empty. Nothing needs to be mounted there.
func (f Files) RemoveDir(ctx context.Context, p *pooldef.Pool) error {
	notReady := (*backend.NotReadyError)(nil)
	if _, err := f.Sweep(ctx, p); err != nil && !errors.As(err, &notReady) {
		return err
	}
	return f.Host.Change(ctx, host.Rmdir{Path: p.Target.Path})
}
