// Package image recognises disk images by their headers, and reads their properties. It only reads, and only
// from the given reader: it never opens a file that a header names.
//
// A guest can write the header of its image, so headers are not trusted. The package never allocates memory,
// reads or loops on behalf of a header beyond fixed limits, and ignores impossible values. The rules are
// those of the formats' specifications. Where these leave a choice, the package follows libvirt or qemu, and
// a comment says which.
package image

import (
	"io"
	"math"
	"math/bits"
)

// sector is the unit of most formats.
const sector = 512

// An Info describes an image according to its header.
type Info struct {
	// libvirt's name: raw, bochs, cloop, dmg, iso, vpc, vdi, ploop, cow, qcow, qcow2, qed, vmdk; and vhdx,
	// which libvirt does not know
	Format        string
	Capacity      uint64 // bytes that a guest sees
	Backing       string // the backing file as named in the header; empty: none. Untrusted.
	BackingFormat string // libvirt's name of the backing file's format in the header; empty: none or unknown
	DataFile      string // qcow2: external data file as named in the header. Untrusted.
	ExternalData  bool   // some data is in files other than this one and Backing: a data file, extents, a parent
	Encryption    string // "", "qcow", "luks", "luks2"
	Compat        string // qcow2: "0.10" or "1.1"
	ClusterSize   uint64 // qcow2: in bytes; 0 otherwise
	Snapshots     bool   // qcow2: has internal snapshots
	Dirty         bool   // qcow2: a process has opened it for writing, and has not closed it
	Corrupt       bool   // qcow2: qemu has found a contradiction in its metadata
	LazyRefcounts bool
	ExtendedL2    bool
}

// Probe recognises the image in r, which contains size bytes. It reads as few bytes as possible.
//
// An image of an unknown format, or of an unknown version of a known format, is raw. If the header contains
// no capacity or one that no file can have, the capacity is size. The name of a backing file that is not
// within the image is ignored. The only possible error is a read error of r.
func Probe(r io.ReaderAt, size int64) (Info, error) {
	s := open(r, size)
	defer s.close()
	info := Info{Format: "raw", Capacity: s.size}
	if f := recognise(s); f != nil {
		info = f.describe(s)
	}
	if s.err != nil {
		return Info{}, s.err
	}
	return info, nil
}

// setCapacity sets the capacity to count units, unless that exceeds the largest file offset (2^63-1 bytes).
func (i *Info) setCapacity(count, unit uint64) {
	if high, low := bits.Mul64(count, unit); high == 0 && low <= math.MaxInt64 {
		i.Capacity = low
	}
}
