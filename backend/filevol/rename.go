package filevol

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Rename implements backend.Renamer. It renames a link, not the link's target. A relative link stays valid
// because the directory is the same.
func (f Files) Rename(ctx context.Context, p *pooldef.Pool, name, newName string) error {
	dir, v, err := f.open(ctx, p, name)
	if err != nil {
		return err
	}
	defer dir.Close()
	path, err := volumePath(p, newName)
	if err != nil {
		return pooldef.Problems{{Element: "name", Text: err.Error()}}
	}
	if newName == name {
		return nil
	}
	if dir.Has(newName) {
		return &backend.ExistsError{Path: path}
	}
	err = f.moveIntoPlace(ctx, dir.Inode(name), v.Target.Path, dir, newName)
	if errors.Is(err, fs.ErrNotExist) { // another process was faster
		return fmt.Errorf("%w: %q: %w", backend.ErrNoVolume, name, err)
	}
	return err
}

// Link implements backend.Linker, by a hard link.
func (f Files) Link(ctx context.Context, p *pooldef.Pool, name, newName string) error {
	dir, v, err := f.open(ctx, p, name)
	if err != nil {
		return err
	}
	defer dir.Close()
	path, err := volumePath(p, newName)
	switch {
	case err != nil:
		return pooldef.Problems{{Element: "name", Text: err.Error()}}
	case v.Type != "file":
		return &backend.UnsupportedError{Type: p.Type, What: "hard links to volumes of type " + v.Type}
	case dir.Has(newName) && dir.Inode(newName) == dir.Inode(name):
		return nil
	case dir.Has(newName):
		return &backend.ExistsError{Path: path}
	}
	return f.Host.Change(ctx, host.Link{Old: v.Target.Path, New: path})
}
