package filevol

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"poolctl/backend/host"
	"poolctl/backend/image"
	"poolctl/fault"
	"poolctl/pooldef"
)

// A backingFile is what a new image is to be an overlay of.
type backingFile struct {
	path     string // as the new image's header will name it
	at       string // where it is
	format   string
	capacity uint64
}

// resolveBacking finds the backing file, which has to be there and readable. If its format is not given it may only be raw, and
// look raw: guessing from a header that a guest can write would be dangerous. If one is given, it has to look like that.
func resolveBacking(p *pooldef.Pool, d *pooldef.Volume) (backingFile, error) {
	if d.Backing == nil {
		return backingFile{}, nil
	}
	b := backingFile{path: d.Backing.Path, format: d.Backing.Format}
	full := b.path
	if !filepath.IsAbs(full) {
		full = filepath.Join(p.Target.Path, full)
		if first, _, _ := strings.Cut(b.path, "/"); strings.Contains(first, ":") { // qemu would take it for a protocol
			b.path = "./" + b.path
		}
	}
	b.at = full
	found, size, err := probeBacking(full)
	if err != nil {
		return b, fmt.Errorf("the backing store %q cannot be used: %w", full, err)
	}
	b.capacity = found.Capacity
	switch {
	case b.format == "raw", b.format == "iso":
		b.format, b.capacity = "raw", size
	case b.format != found.Format && (b.format != "" || found.Format != "raw"):
		return b, &BackingFormatError{Path: full, Given: b.format, Looks: found.Format}
	case b.format == "":
		b.format = "raw"
	}
	return b, nil
}

// probeBacking reads the header of what has to be a file or block device.
func probeBacking(path string) (image.Info, uint64, error) {
	h, err := host.OpenPath(path)
	if err != nil {
		return image.Info{}, 0, err
	}
	defer h.Close()
	if !h.HasData() {
		return image.Info{}, 0, errors.New("it is not a file or a block device")
	}
	return probe(h)
}

// A BackingFormatError tells that the format of a backing file has to be given, or is not the one that was.
type BackingFormatError struct{ Path, Given, Looks string }

func (e *BackingFormatError) Error() string {
	if e.Given != "" {
		return fmt.Sprintf("the backing store %q is no %s image: it looks like %s", e.Path, e.Given, e.Looks)
	}
	return fmt.Sprintf("the backing store %q looks like %s: its format has to be given", e.Path, e.Looks)
}

// Kind implements [fault.Error].
func (*BackingFormatError) Kind() fault.Kind { return fault.Usage }

// HintLine implements [fault.Hinter].
func (e *BackingFormatError) HintLine() string {
	return "--backing-vol-format " + e.Looks +
		", if that is what it is: a guest can write any header into a raw image"
}
