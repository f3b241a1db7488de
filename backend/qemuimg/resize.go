package qemuimg

import (
	"fmt"

	"poolctl/backend/fault"
	"poolctl/backend/host/shell"
	"poolctl/backend/image"
	"poolctl/pooldef"
)

// A resizability says how qemu-img can resize images of a format that it can enlarge.
type resizability struct {
	shrinks   bool
	allocates bool // added space can be allocated
}

// resizable has the drivers whose images qemu-img can enlarge: those with bdrv_co_truncate (qemu's
// block/qcow2.c, qed.c, raw-format.c, and crypto.c for encrypted raw images). The limits are those of
// qcow2_co_truncate and bdrv_qed_co_truncate.
var resizable = map[string]resizability{
	"raw": {shrinks: true, allocates: true}, "qcow2": {shrinks: true, allocates: true}, "qed": {},
}

// CanGrow reports whether qemu-img can enlarge images of a format.
func CanGrow(format string) bool {
	_, can := resizable[formats[format]]
	return can
}

// CheckResize returns an error if qemu-img cannot resize a volume of a pool to size bytes.
func CheckResize(p *pooldef.Pool, v *pooldef.Volume, size uint64, allocate bool) error {
	instead := fmt.Sprintf(
		"copy it into a qcow2 volume, and resize that: poolctl vol-create-from %[1]s DEFINITION %[2]s %[1]s",
		shell.Quote(p.Name), shell.Quote(v.Name),
	)
	if !CanCreate(v.Target.Format) { // vol-create-from cannot read it
		instead = "convert it into a qcow2 image with qemu-img convert, and resize that"
	}
	switch can := resizable[formats[v.Target.Format]]; {
	case !CanGrow(v.Target.Format):
		return &UnsupportedError{Text: "qemu-img cannot resize " + v.Target.Format + " images", Hint: instead}
	case size < v.Capacity.Bytes && !can.shrinks:
		return &UnsupportedError{Text: "qemu-img cannot shrink " + v.Target.Format + " images", Hint: instead}
	case allocate && !can.allocates:
		return &UnsupportedError{
			Text: "qemu-img cannot allocate the space that it adds to " + v.Target.Format + " images",
			Hint: "resize it without --allocate: space is allocated when it is written to",
		}
	}
	return nil
}

// checkSnapshots returns an error for an image whose size its internal snapshots fix: snapshots record a size
// of their own only since compat 1.1 (qemu's docs/interop/qcow2.txt, "Snapshots", and qcow2_co_truncate).
func checkSnapshots(path string, info image.Info) error {
	if !info.Snapshots || info.Compat != "0.10" {
		return nil
	}
	return &UnsupportedError{
		Text: "qemu-img cannot resize an image of compat 0.10 that has internal snapshots",
		Hint: "while no guest uses it, upgrade it: qemu-img amend -f qcow2 -o compat=1.1 " + shell.Quote(path),
	}
}

// Rounded returns the capacity of a new image for which size bytes are requested. qemu-img rounds sizes up to
// whole sectors, and those of vpc images to a geometry.
func Rounded(format string, size uint64) uint64 {
	sectors := (size + sector - 1) / sector
	if format == "vpc" {
		sectors = wholeGeometry(sectors)
	}
	return sectors * sector
}

// sector is the unit of qemu-img's sizes, in bytes.
const sector = 512

// maxGeometry is the number of sectors of the largest geometry. Larger vpc images are not rounded.
const maxGeometry = 65535 * 16 * 255

// wholeGeometry rounds a number of sectors up to the smallest geometry that contains them, as qemu does
// (calculate_rounded_image_size in block/vpc.c).
func wholeGeometry(sectors uint64) uint64 {
	for n := sectors; n < maxGeometry; n++ {
		if found := geometry(n); found >= sectors {
			return found
		}
	}
	return sectors
}

// geometry returns the number of sectors in the geometry (cylinders, heads, sectors per track) of a disk of n
// sectors, by the algorithm in the appendix of Microsoft's Virtual Hard Disk Image Format Specification 1.0.
func geometry(n uint64) uint64 {
	track, heads := uint64(255), uint64(16)
	if n < 65535*16*63 {
		track = 17
		heads = max((n/track+1023)/1024, 4)
		if n/track >= heads*1024 || heads > 16 {
			track, heads = 31, 16
		}
		if n/track >= heads*1024 {
			track, heads = 63, 16
		}
	}
	return n / track / heads * heads * track
}

// An UnsupportedError reports that qemu-img cannot do something with an image.
type UnsupportedError struct {
	Text string
	Hint string // what can be done instead; may be empty
}

func (e *UnsupportedError) Error() string { return e.Text }

// Kind implements [fault.Error].
func (*UnsupportedError) Kind() fault.Kind { return fault.Unsupported }

// HintLine implements [fault.Hinter].
func (e *UnsupportedError) HintLine() string { return e.Hint }
