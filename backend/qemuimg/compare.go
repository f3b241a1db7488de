package qemuimg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Compare checks that a volume without backing files contains the data that a guest sees in source, byte by
// byte. The longer one of them reads as zeros behind the end of the other.
func Compare(
	ctx context.Context, h host.Host, s backend.Secrets, v, source *pooldef.Volume, o backend.CloneOptions,
) error {
	from, err := Open(s, source, o.MayRead)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := OpenCopy(s, v)
	if err != nil {
		return err
	}
	defer to.Close()
	return CompareImages(ctx, h, to, from, o.Progress)
}

// OpenCopy is Open for a copy without backing files, which does not exist in a dry run.
func OpenCopy(s backend.Secrets, v *pooldef.Volume) (*Image, error) {
	i, err := Open(s, v, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return &Image{Path: v.Target.Path, Format: v.Target.Format, isDevice: v.Type == "block"}, nil
	}
	return i, err
}

// CompareImages is Compare for images as they were opened, or made.
func CompareImages(ctx context.Context, h host.Host, i, source *Image, progress host.Progress) error {
	l, made := newLine("compare"), *i
	made.write = false
	l.show(progress, max(source.Capacity, i.Capacity))
	l.add(l.image(source), l.image(&made))
	err := h.Change(ctx, host.Gate{Command: l.Command})
	if exit, ok := errors.AsType[*host.ExitError](err); ok && exit.Status == 1 {
		return fmt.Errorf("%q differs from %q after the copy", i.Path, source.Path)
	}
	return TranslateError(err)
}
