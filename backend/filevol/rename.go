package filevol

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"poolctl/backend"
	"poolctl/pooldef"
)

// Rename implements backend.Renamer. A link itself is renamed, not what it leads to: as the directory is the same, it leads there still.
func (f Files) Rename(ctx context.Context, p *pooldef.Pool, name, newName string) error {
	dir, err := f.enter(p)
	if err != nil {
		return err
	}
	defer dir.Close()
	v, err := look(ctx, dir, p, name)
	if err != nil {
		return err
	}
	path, err := volumePath(p, newName)
	if err != nil {
		return pooldef.Problems{{Element: "name", Text: err.Error()}}
	}
	if newName == name {
		return nil
	}
	if dir.Has(newName) {
		return &fs.PathError{Op: "rename to", Path: path, Err: fs.ErrExist}
	}
	err = f.show(ctx, dir.Inode(name), v.Target.Path, dir, newName)
	if errors.Is(err, fs.ErrNotExist) { // somebody else was faster
		return fmt.Errorf("%w: %q: %w", backend.ErrNoVolume, name, err)
	}
	return err
}
