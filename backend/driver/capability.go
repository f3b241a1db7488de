package driver

import (
	"context"
	"io"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// capability returns the capability C of the backend of a volume. what describes the operation in the error
// that the backend lacks C. hint says what to do instead; {vol} and {pool} stand for the names.
func capability[C any](v *Volume, what, hint string) (C, error) {
	c, ok := v.Backend.(C)
	if ok {
		return c, nil
	}
	names := strings.NewReplacer("{vol}", shell.Quote(v.Name), "{pool}", shell.Quote(v.Entry.Name))
	return c, &backend.UnsupportedError{Type: v.Pool().Type, What: what, Hint: names.Replace(hint)}
}

// Trimmer returns the capability to deallocate the zeros in a volume. A guest that uses the volume is an
// error.
func (d *Driver) Trimmer(ctx context.Context, v *Volume) (backend.Trimmer, error) {
	const hint = "the guest itself can discard blocks: fstrim in it, and discard='unmap' for its disk"
	trimmer, err := capability[backend.Trimmer](v, "trimming volumes", hint)
	if err != nil {
		return nil, err
	}
	return trimmer, d.checkNoGuest(ctx, v)
}

// ImageChecker returns the capability to check the metadata of an image. A guest that uses the image is an
// error.
func (d *Driver) ImageChecker(ctx context.Context, v *Volume) (backend.ImageChecker, error) {
	const hint = "its volumes are raw, and have no metadata"
	checker, err := capability[backend.ImageChecker](v, "checking images", hint)
	if err != nil {
		return nil, err
	}
	return checker, d.checkNoGuest(ctx, v)
}

// checkNoGuest returns an error if a running domain of libvirt uses a volume whose other users cannot be
// seen: QEMU takes no locks for images that it reaches over a network by itself (gluster).
func (d *Driver) checkNoGuest(ctx context.Context, v *Volume) error {
	if _, isImage := v.Backend.(backend.ImageChecker); !isImage || v.Type != "network" {
		return nil
	}
	l := d.emptyLook()
	l.addDomains(ctx)
	users, err := l.users(ctx, v.Pool(), v.Volume)
	if err != nil {
		return err
	}
	return checkNotOpen(v.Target.Path, users, "")
}

// saveHint says how to keep the data of a volume without snapshots.
func saveHint(b backend.Backend) string {
	if _, ok := b.(backend.Downloader); ok {
		return "poolctl vol-download saves the data of a volume"
	}
	return ""
}

// rehearsal returns a backend for a dry run that prints nothing: it reports problems before anything changes.
func (d *Driver) rehearsal(t pooldef.Type) backend.Backend {
	return d.NewBackends(host.NewDryRun(d.Host, io.Discard))[t]
}

// CheckFormat returns an error for a format that volumes of pool p cannot have. Definitions may name formats
// for pools without any, as in libvirt; verbs whose option asks for one do not ignore it.
func CheckFormat(p *pooldef.Pool, format string) error {
	info := p.Type.Info()
	if format == "" || format == "raw" || slices.Contains(info.VolumeFormats, format) {
		return nil
	}
	what := "volumes of format " + format
	if len(info.VolumeFormats) == 0 {
		what += ": they are raw"
	}
	return &backend.UnsupportedError{Type: p.Type, What: what}
}
