package disk

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// A gptHeader is the header of a GPT label (UEFI specification, 5.3.2). Its numbers are in blocks.
type gptHeader struct {
	Signature             [8]byte // EFI PART
	Revision              uint32
	Size, Checksum, _     uint32
	At, Other             uint64 // blocks with this header and with its copy
	FirstUsed, LastUsed   uint64 // blocks between which partitions lie
	Disk                  [16]byte
	Entries               uint64 // the first block of the entries
	Count, EntrySize, Sum uint32
}

const (
	gptHeaderSize = 92
	gptEntrySize  = 128 // type and ID, 16 bytes each, first and last block, attributes, and a name
	maxGPTEntries = 1024
)

// gptFlags maps types of partitions to parted's flags. On the disk, the first half of a type is
// little-endian.
var gptFlags = map[[16]byte]string{
	{0x6d, 0xfd, 0x57, 0x06, 0xab, 0xa4, 0xc4, 0x43, 0x84, 0xe5, 0x09, 0x33, 0xc8, 0x4b, 0x4f, 0x4f}: "swap",
	{0x79, 0xd3, 0xd6, 0xe6, 0x07, 0xf5, 0xc2, 0x44, 0xa2, 0x3c, 0x23, 0x8f, 0x2a, 0x3d, 0xf9, 0x28}: "lvm",
	{0x0f, 0x88, 0x9d, 0xa1, 0xfc, 0x05, 0x3b, 0x4d, 0xa0, 0x06, 0x74, 0x3f, 0x0f, 0x84, 0x91, 0x1e}: "raid",
}

// isProtective reports whether the first block of a disk says that the disk has a GPT label, and nothing
// else.
func isProtective(block []byte) bool {
	entries := dosEntries(block)
	return entries[0].kind == 0xee && entries[1].isEmpty() && entries[2].isEmpty() && entries[3].isEmpty()
}

// gpt returns the partitions of a GPT label, or nil if it has a fault: both copies must be sound and equal.
func (l *label) gpt() []partition {
	end := l.size/l.block - 1
	first, entries := l.gptCopy(1, end)
	last, others := l.gptCopy(end, 1)
	if first == nil || last == nil || !bytes.Equal(entries, others) || first.Disk != last.Disk ||
		first.FirstUsed != last.FirstUsed || first.LastUsed != last.LastUsed {
		return nil
	}
	found := make([]partition, 0, first.Count)
	for number := 1; len(entries) >= gptEntrySize; number++ {
		e := entries[:gptEntrySize]
		entries = entries[gptEntrySize:]
		kind, from, to := [16]byte(e), binary.LittleEndian.Uint64(e[32:]), binary.LittleEndian.Uint64(e[40:])
		if kind == [16]byte{} { // an unused entry
			continue
		}
		if from < first.FirstUsed || to < from || to > first.LastUsed {
			return nil
		}
		x := partition{number: number, start: from * l.block, end: (to + 1) * l.block, kind: primary}
		if flag := gptFlags[kind]; flag != "" {
			x.flags = []string{flag}
		}
		found = append(found, x)
	}
	return found
}

// gptCopy returns the header in block at, and its entries, or nil unless its checksums are right and its copy
// is in block other.
func (l *label) gptCopy(at, other uint64) (*gptHeader, []byte) {
	block, ok := l.read(at*l.block, l.block)
	if !ok {
		return nil, nil
	}
	var h gptHeader
	if _, err := binary.Decode(block, binary.LittleEndian, &h); err != nil {
		return nil, nil
	}
	if string(h.Signature[:]) != "EFI PART" || h.Size != gptHeaderSize || h.At != at || h.Other != other ||
		h.EntrySize != gptEntrySize || h.Count == 0 || h.Count > maxGPTEntries ||
		h.FirstUsed > h.LastUsed || h.LastUsed >= l.size/l.block || h.Entries > h.LastUsed+l.size/l.block {
		return nil, nil
	}
	clear(block[16:20]) // the checksum is of a header without it
	if crc32.ChecksumIEEE(block[:gptHeaderSize]) != h.Checksum {
		return nil, nil
	}
	entries, ok := l.read(h.Entries*l.block, uint64(h.Count)*gptEntrySize)
	if !ok || crc32.ChecksumIEEE(entries) != h.Sum {
		return nil, nil
	}
	return &h, entries
}
