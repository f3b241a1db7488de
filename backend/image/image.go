// Package image recognises disk images from their headers. It reads, never writes, and never opens any file but the reader it is given.
//
// What a header says is a guest's word, and a guest may lie: nothing is allocated, read or repeated because a header asks for it
// beyond the bounds named here, and what cannot be believed is left out. The rules come from the formats' specifications; where those
// leave a choice, libvirt's or qemu's reading is taken, and the comment says whose.
package image

import (
	"io"
	"math"
	"math/bits"
)

// sector is the unit in which most formats count.
const sector = 512

// An Info is what an image's header tells.
type Info struct {
	Format        string // libvirt's word: raw, bochs, cloop, dmg, iso, vpc, vdi, ploop, cow, qcow, qcow2, qed, vmdk; and vhdx, which libvirt has no word for
	Capacity      uint64 // bytes a guest sees
	Backing       string // the backing file, as the header says; empty: none. Untrusted text.
	BackingFormat string // the backing file's format as the header says (libvirt word); empty: none is recorded, or none that is known
	DataFile      string // qcow2: external data file, as the header says. Untrusted text.
	ExternalData  bool   // what a guest sees is in other files than this one and Backing, if only in part: a data file, extents, a parent
	Encryption    string // "", "qcow", "luks", "luks2"
	Compat        string // qcow2 only: "0.10" or "1.1"
	ClusterSize   uint64 // bytes; qcow2 only (0 otherwise)
	LazyRefcounts bool
	ExtendedL2    bool
}

// Probe reads as few bytes as it can of r, which holds size bytes.
//
// An image of no known format, or of an unknown version of a known one, is raw. A capacity that the header does not hold, or that no
// file could have, is size; a backing file's name that does not lie within the image is none. The only error is r's own: that it
// could not be read.
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

// setCapacity believes that a guest sees count units, unless that is more than a file offset can reach (2^63-1 bytes).
func (i *Info) setCapacity(count, unit uint64) {
	if high, low := bits.Mul64(count, unit); high == 0 && low <= math.MaxInt64 {
		i.Capacity = low
	}
}
