package backend

import (
	"context"
	"fmt"
	"os"

	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
	"poolctl/pooldef"
)

// BuildOptions control what Build may do to existing data.
type BuildOptions struct {
	Overwrite   bool // replace whatever the device contains
	NoOverwrite bool // format the device only if it is empty
	// IfMissing leaves storage unchanged that exists as the definition says. Without it, such storage is an
	// error for types whose storage has content of its own. IfMissing excludes Overwrite.
	IfMissing bool
	// FormatBlank formats a device that is empty, in pool types whose storage is a formatted device. Other
	// types ignore FormatBlank.
	FormatBlank bool
}

// CreateOptions control how space for a new volume is allocated.
type CreateOptions struct {
	Preallocation string // off, metadata, falloc, full; empty: as the definition's allocation says
	Progress      host.Progress
}

// CloneOptions control how a volume is cloned.
type CloneOptions struct {
	CreateOptions
	// Reflink shares the source's blocks instead of copying them. As long as blocks are shared, deleting the
	// source may be impossible.
	Reflink bool
	InUse   bool // other processes may be writing to the source
	// Full copies all data. Otherwise, a backend may let the new volume share data with its source and depend
	// on it.
	Full    bool
	MayRead MayRead // nil: no backing file may be read
	// Fill writes the data of the source to a new file, or to a device, which reads as zeros. It is set if the
	// source is neither a file nor a device of this machine, and has data that can be downloaded.
	Fill func(ctx context.Context, path string) error
	// FillImage is Fill for a new, empty image of a format. It is set if the source is an [ImageFiller]'s.
	FillImage func(ctx context.Context, path, format string) error
	// From is the pool of the source; nil if the source belongs to no pool.
	From *pooldef.Pool
}

// MayRead checks whether an image that another image names as its backing file may be read. It returns nil if
// the backing file is a volume of an active pool. Without this check, a guest that writes an image header
// into its disk could make poolctl read any file of this machine. file is nil for a Ceph image.
type MayRead func(path string, file *safeopen.Handle) error

// ResizeOptions control what Resize may do.
type ResizeOptions struct {
	MayRead  MayRead // nil: no backing file may be read
	Shrink   bool    // data beyond the new end may be lost
	Allocate bool    // allocate the added space now
}

// A Transfer describes which part of a volume is copied, and how.
type Transfer struct {
	File     string // the other file, as a shell would open it; empty: standard input or output
	Offset   uint64 // in the volume, in bytes
	Length   uint64 // at most this many bytes; 0: all
	Sparse   bool   // preserve holes; otherwise write zeros
	InUse    bool   // other processes may be writing to the source volume
	Progress host.Progress
}

// Out returns the step that copies a file or block device to an open file, at the file's current offset.
func (t Transfer) Out(path string, to *os.File) host.Download {
	return host.Download{From: host.Source{Path: path, InUse: t.InUse}, To: to, Name: t.File,
		Offset: t.Offset, Length: t.Length, Sparse: t.Sparse, Progress: t.Progress}
}

// In returns the step that writes an open file into a file or block device. If whole is set, the target's
// content becomes exactly the data written (see host.Upload).
func (t Transfer) In(path string, from *os.File, whole bool) host.Upload {
	return host.Upload{From: from, Name: t.File, Path: path, Whole: whole,
		Offset: t.Offset, Length: t.Length, Sparse: t.Sparse, Progress: t.Progress}
}

// CheckNotSmaller returns an error if the capacity of a new volume, unless it is unknown, is less than the
// size of the source or snapshot that its data come from. from says which.
func CheckNotSmaller(d *pooldef.Volume, size uint64, from string) error {
	if !d.Capacity.Known || d.Capacity.Bytes >= size {
		return nil
	}
	return pooldef.Problems{{
		Element: "capacity",
		Text:    fmt.Sprintf("%d bytes are less than the %d bytes of the %s", d.Capacity.Bytes, size, from),
	}}
}
