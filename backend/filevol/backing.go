package filevol

import (
	"fmt"
	"path/filepath"
	"strings"

	"poolctl/backend/fault"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/image"
	"poolctl/pooldef"
)

// A backingFile is the backing file of a new overlay.
type backingFile struct {
	path     string // as recorded in the new image's header
	at       string // its location
	format   string
	capacity uint64
}

// resolveBacking finds the backing file of a new image, which must exist and be readable. If the definition
// does not name the backing file's format, the file must look like a raw image: guessing another format from
// a header that a guest can write would be dangerous. If the definition names a format other than raw, the
// header must match.
func resolveBacking(p *pooldef.Pool, d *pooldef.Volume) (backingFile, error) {
	if d.Backing == nil {
		return backingFile{}, nil
	}
	b := backingFile{path: d.Backing.Path, format: d.Backing.Format}
	full := b.path
	if !filepath.IsAbs(full) {
		full = filepath.Join(p.Target.Path, full)
		// A colon before the first slash would look like a protocol to qemu.
		if first, _, _ := strings.Cut(b.path, "/"); strings.Contains(first, ":") {
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

// errNoData is the error for a backing file that is neither a file nor a block device, such as /dev/null.
var errNoData = fault.New(fault.Usage, "it is not a file or a block device")

// probeBacking reads the header of a file or block device, and fails for anything else.
func probeBacking(path string) (image.Info, uint64, error) {
	h, err := safeopen.OpenPath(path)
	if err != nil {
		return image.Info{}, 0, err
	}
	defer h.Close()
	if !h.HasData() {
		return image.Info{}, 0, errNoData
	}
	return probe(h)
}

// A BackingFormatError reports that the format of a backing file must be given, or that the given format is
// wrong.
type BackingFormatError struct{ Path, Given, Looks string }

func (e *BackingFormatError) Error() string {
	if e.Given != "" {
		return fmt.Sprintf("the backing store %q is not a %s image: it looks like %s", e.Path, e.Given, e.Looks)
	}
	return fmt.Sprintf("the backing store %q looks like %s: give its format", e.Path, e.Looks)
}

// Kind implements [fault.Error].
func (*BackingFormatError) Kind() fault.Kind { return fault.Usage }

// HintLine implements [fault.Hinter].
func (e *BackingFormatError) HintLine() string {
	return "--backing-vol-format " + e.Looks +
		", if that is right: a guest can write any header into a raw image"
}
