package image

import (
	"bytes"
	"math"
	"math/bits"
	"strconv"
)

// maxDescriptor is the number of bytes of a descriptor that qemu reads, enough for some 20000 extents.
const maxDescriptor = 1 << 20

// describeSparse reads the descriptor that a sparse extent may contain. Its offset is at 28, its length at
// 36, both in sectors. If the header's size is 0 sectors, the descriptor and its extents determine the size,
// as in qemu.
func describeSparse(s *source, i *Info) {
	var d descriptor
	if at, length := s.le(28, 8), s.le(36, 8); at > 0 && at <= s.size/sector {
		d = readDescriptor(s, at*sector, min(length, maxDescriptor/sector)*sector)
	}
	i.Backing = d.parent
	if sectors := s.record(12, 8); littleEndian(sectors) == 0 {
		i.ExternalData = true
		if !sectors.isEmpty() {
			i.setCapacity(d.sectors, sector)
		}
	}
	i.checkParentHint(s, sector)
}

// describeCowd reads the descriptor as qemu does.
func describeCowd(s *source, i *Info) { i.checkParentHint(s, sector) }

// maxHint is the number of bytes of a descriptor in which qemu searches for the parent.
const maxHint = 20 * sector

// checkParentHint sets ExternalData if qemu would open another parent than Backing. qemu expects the
// descriptor at off, whatever the header says, takes the first "parentFileNameHint" anywhere in the text
// (vmdk_parent_open in its block/vmdk.c), and skips the two bytes after it.
func (i *Info) checkParentHint(s *source, off uint64) {
	text := make([]byte, maxHint)
	n, _ := s.ReadAt(text, int64(off))
	text, _, _ = bytes.Cut(text[:n], []byte{0})
	_, hint, _ := bytes.Cut(text, []byte("parentFileNameHint"))
	name, _, closed := bytes.Cut(hint[min(len(hint), len(`="`)):], []byte{'"'})
	if closed && len(name) <= maxName && string(name) != i.Backing {
		i.ExternalData = true
	}
}

// descriptorVersion reports whether qemu accepts a descriptor's version: its first line that is not a
// comment.
func descriptorVersion(s *source) bool {
	for line := range bytes.Lines(s.head) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		version := string(line)
		return version == "version=1" || version == "version=2" || version == "version=3"
	}
	return false
}

// describeDescriptor reads an image that consists only of a descriptor. If the descriptor is longer than
// maxDescriptor, the capacity is unknown.
func describeDescriptor(s *source, i *Info) {
	i.ExternalData = true
	d := readDescriptor(s, 0, min(s.size, maxDescriptor))
	i.Backing = d.parent
	if d.sectors > 0 && s.size <= maxDescriptor {
		i.setCapacity(d.sectors, sector)
	}
}

// A descriptor is the used part of VMware's text: the parent of a snapshot, and the total size of the
// extents.
type descriptor struct {
	parent  string
	sectors uint64
}

// readDescriptor reads a text of at most n bytes, up to a NUL.
func readDescriptor(s *source, off, n uint64) (d descriptor) {
	lines := s.lines(off, n)
	for lines.Scan() {
		line, _, ended := bytes.Cut(lines.Bytes(), []byte{0})
		if d.parent == "" {
			d.parent = parentHint(line)
		}
		sum, carry := bits.Add64(d.sectors, extentSectors(line), 0)
		if d.sectors = sum; carry > 0 {
			d.sectors = math.MaxUint64 // more than any file's size
		}
		if ended {
			break
		}
	}
	return d
}

// parentHint parses a line such as: parentFileNameHint="base.vmdk"
func parentHint(line []byte) string {
	value, found := bytes.CutPrefix(bytes.TrimSpace(line), []byte("parentFileNameHint"))
	if !found {
		return ""
	}
	value, found = bytes.CutPrefix(bytes.TrimLeft(value, " \t="), []byte{'"'})
	name, _, closed := bytes.Cut(value, []byte{'"'})
	if !found || !closed || len(name) > maxName {
		return ""
	}
	return string(name)
}

// extentSectors parses a line such as: RW 4192256 SPARSE "disk-s001.vmdk". It caps numbers at 64 bits.
func extentSectors(line []byte) uint64 {
	fields := bytes.Fields(line)
	if len(fields) < 3 {
		return 0
	}
	switch string(fields[0]) {
	case "RW", "RDONLY", "NOACCESS":
		sectors, _ := strconv.ParseUint(string(fields[1]), 10, 64)
		return sectors
	}
	return 0
}
