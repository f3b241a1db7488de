package disk

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
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

// A gptEntry is the entry of a partition in a GPT label. A type of zeros is an unused entry.
type gptEntry struct {
	Type, ID    [16]byte
	First, Last uint64
	Attributes  uint64
	Name        [72]byte
}

const (
	gptHeaderSize = 92
	gptEntrySize  = 128
	maxGPTEntries = 1024
)

// gptFlags maps types of partitions to parted's flags. On the disk, the first half of a type is
// little-endian.
var gptFlags = map[string]string{
	"6dfd5706aba4c44384e50933c84b4f4f": "swap",
	"79d3d6e607f5c244a23c238f2a3df928": "lvm",
	"0f889da1fc053b4da006743f0f84911e": "raid",
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
	found := []partition{}
	for number := 1; len(entries) >= gptEntrySize; number++ {
		var e gptEntry
		if _, err := binary.Decode(entries, binary.LittleEndian, &e); err != nil {
			return nil
		}
		entries = entries[gptEntrySize:]
		if e.Type == [16]byte{} {
			continue
		}
		if e.First < first.FirstUsed || e.Last < e.First || e.Last > first.LastUsed {
			return nil
		}
		x := partition{number: number, start: e.First * l.block, end: (e.Last + 1) * l.block, kind: primary}
		if flag := gptFlags[hex.EncodeToString(e.Type[:])]; flag != "" {
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
