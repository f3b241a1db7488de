package filevol

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/image"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// MoveTo implements backend.Mover by a rename, if both directories are on the same file system.
func (f Files) MoveTo(
	ctx context.Context, p *pooldef.Pool, name string, to backend.Backend, target *pooldef.Pool, newName string,
) error {
	other, ok := to.(filesOpener)
	if !ok {
		return backend.ErrElsewhere
	}
	return f.moveTo(ctx, p, name, other, target, newName)
}

// MoveWithin is MoveTo for a pool whose directory f can access, too.
func (f Files) MoveWithin(
	ctx context.Context, p *pooldef.Pool, name string, target *pooldef.Pool, newName string,
) error {
	return f.moveTo(ctx, p, name, f, target, newName)
}

// A filesOpener is Files, however it is embedded.
type filesOpener interface {
	openForNew(p *pooldef.Pool, name string) (*host.Dir, error)
}

func (f Files) moveTo(
	ctx context.Context, p *pooldef.Pool, name string, to filesOpener, target *pooldef.Pool, newName string,
) error {
	dir, v, err := f.open(ctx, p, name)
	if err != nil {
		return err
	}
	defer dir.Close()
	newDir, err := to.openForNew(target, newName)
	if err != nil {
		return err
	}
	defer newDir.Close()
	if !dir.IsOn(newDir) {
		return backend.ErrElsewhere
	}
	release, err := f.holdToMove(dir, p, v)
	if err != nil {
		return err
	}
	defer release()
	err = f.moveIntoPlace(ctx, dir.Inode(name), v.Target.Path, newDir, newName)
	if errors.Is(err, unix.EXDEV) { // one file system, mounted twice
		return backend.ErrElsewhere
	}
	return err
}

// holdToMove holds a volume that is to be renamed. It refuses what would mean something else in another
// directory: links, and images that name their files by relative paths.
func (f Files) holdToMove(dir *host.Dir, p *pooldef.Pool, v *pooldef.Volume) (release func(), err error) {
	h, err := dir.OpenPath(v.Name)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	switch {
	case h.IsLink():
		return nil, &backend.UnsupportedError{Type: p.Type, What: "moving symbolic links"}
	case h.IsDir():
		return func() {}, nil
	case !h.IsFile():
		return nil, &backend.UnsupportedError{Type: p.Type, What: "moving volumes of type " + v.Type}
	}
	held, err := host.NewHold(h)
	if err != nil {
		return nil, err
	}
	info, _, err := probe(h)
	if err == nil {
		err = checkAbsolute(v, info)
	}
	if err != nil {
		held.Release()
		return nil, err
	}
	return held.Release, nil
}

// checkAbsolute returns an error if an image names its backing file or data file by a relative path.
func checkAbsolute(v *pooldef.Volume, info image.Info) error {
	for _, named := range []string{info.Backing, info.DataFile} {
		if named == "" || filepath.IsAbs(named) || !image.ParseReference(named, "/").Local ||
			strings.HasPrefix(named, "json:") {
			continue
		}
		return &backend.StateError{
			Text: fmt.Sprintf("it names %q by a relative path, which would lead elsewhere", named),
			Hint: qemuimg.RecordFormat(filepath.Join(filepath.Dir(v.Target.Path), named), "FORMAT", v.Target.Path),
		}
	}
	return nil
}

// Hold implements backend.Holder.
func (f Files) Hold(ctx context.Context, p *pooldef.Pool, name string) (backend.Held, error) {
	dir, v, err := f.openData(ctx, p, name, "moving")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	h, err := dir.OpenPath(name)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	switch {
	case h.IsLink():
		return nil, &backend.UnsupportedError{Type: p.Type, What: "moving symbolic links"}
	case v.Target.ExternalData:
		return nil, &backend.ExternalDataError{Path: v.Target.Path}
	}
	held, err := backend.HoldFile(h)
	if err != nil {
		return nil, err
	}
	// again: from here on, nobody else can add one
	if err := checkNoSnapshots(h, v, "a pool on the same file system can have it with them"); err != nil {
		return nil, errors.Join(err, held.Release(ctx))
	}
	return held, nil
}

// Compare implements backend.Comparer.
func (f Files) Compare(
	ctx context.Context, _ *pooldef.Pool, v, other *pooldef.Volume, o backend.CloneOptions,
) error {
	return qemuimg.Compare(ctx, f.Host, f.Secrets, v, other, o)
}
