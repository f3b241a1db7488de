package host

import (
	"context"
	"errors"
	"fmt"

	"poolctl/backend/host/shell"
	"poolctl/backend/host/sparse"
)

// Resize changes the length of an existing file. New bytes are zero; truncated bytes are lost.
type Resize struct {
	Path     string
	Size     uint64
	Allocate bool // allocate the whole file
}

// Shell implements Step.
func (r Resize) Shell() string {
	path, room := shell.Quote(r.Path), ""
	if r.Allocate && r.Size > 0 {
		room = fmt.Sprintf("fallocate -x -l %d %s && ", r.Size, path) // -x: writes zeros where it cannot allocate
	}
	return fmt.Sprintf("[ -f %[2]s ] && %[1]struncate -cs %[3]d %[2]s", room, path, r.Size)
}

func (r Resize) apply(ctx context.Context, l *Local) error {
	f, err := l.openData(r.Path, writing)
	if err != nil {
		return err
	}
	defer f.Close()
	if !sparse.IsRegular(f) {
		return fmt.Errorf("%q is a device, whose size is fixed", r.Path)
	}
	old, err := sparse.Size(f)
	if err != nil {
		return err
	}
	if r.Allocate {
		if err := sparse.Allocate(ctx, f, 0, int64(r.Size)); err != nil {
			return errors.Join(err, f.Truncate(old)) // deallocates what was allocated behind the end
		}
	}
	if err := f.Truncate(int64(r.Size)); err != nil {
		return err
	}
	return f.Sync()
}
