package disk

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"

	"poolctl/pooldef"
)

// listed returns a pool's table without the free space, for what only lists partitions, and then the kernel's
// partitions.
func (b *Backend) listed(ctx context.Context, p *pooldef.Pool) (*table, []kernelPartition, error) {
	var kernel []kernelPartition
	t, err := b.tableBy(ctx, p, func(ctx context.Context, d *device) (t *table, err error) {
		if t, kernel, err = b.readKernels(d); t == nil && err == nil {
			if t, err = b.read(ctx, d); err == nil {
				kernel, err = d.kernelPartitions()
			}
		}
		return t, errors.Join(err, ctx.Err())
	})
	return t, kernel, err
}

// readKernels returns what readLabel reads and the kernel's partitions, or nil if they differ.
func (b *Backend) readKernels(d *device) (*table, []kernelPartition, error) {
	t := b.readLabel(d)
	if t == nil {
		return nil, nil, nil
	}
	kernel, err := d.kernelPartitions() // later than the table, to which another process may be adding
	if err != nil || len(kernel) != len(t.partitions) || !t.matchesKernel(kernel) {
		return nil, nil, err
	}
	return t, kernel, nil
}

// labelled returns a table that has the right label. It may lack everything else.
func (b *Backend) labelled(ctx context.Context, d *device) (*table, error) {
	t := b.readLabel(d)
	if t != nil && t.label == "dos" { // it may be part of a file system
		t, _, _ = b.readKernels(d)
	}
	if t == nil {
		return b.read(ctx, d)
	}
	return t, ctx.Err()
}

// readLabel reads the partitions of a disk with a GPT or DOS label from the disk itself, for which parted
// takes twenty times as long. It returns nil, and parted decides, if the label has any fault or peculiarity.
func (b *Backend) readLabel(d *device) *table {
	if d.isMapped { // its partitions are unknown to the kernel
		return nil
	}
	content, err := b.Host.OpenDevice(d.path)
	if err != nil {
		return nil
	}
	defer content.Close()
	l := label{content, d.readNumber("queue/logical_block_size"), d.readNumber("size") * sector}
	if l.block < sector || l.size/l.block < 3 {
		return nil
	}
	t := &table{device: d}
	first, ok := l.read(0, sector)
	if !ok || first[510] != 0x55 || first[511] != 0xaa {
		return nil
	}
	if isProtective(first) {
		t.label, t.partitions = "gpt", l.gpt()
	} else {
		t.label, t.partitions = "dos", l.dos(first)
	}
	if t.partitions == nil {
		return nil
	}
	return t
}

// A label reads the label of a disk.
type label struct {
	io.ReaderAt
	block uint64 // the disk's logical block size
	size  uint64 // of the disk
}

// read returns n bytes at an offset, and true unless the disk ends before or cannot be read.
func (l *label) read(offset, n uint64) ([]byte, bool) {
	if offset > l.size || n > l.size-offset {
		return nil, false
	}
	data := make([]byte, n)
	_, err := l.ReadAt(data, int64(offset))
	return data, err == nil
}

// A dosEntry is one of the four entries of a DOS label. Its numbers are in blocks.
type dosEntry struct {
	status, kind byte
	start, count uint64
}

// dosEntries returns the entries in a block with a DOS label: 16 bytes each, from byte 446.
func dosEntries(block []byte) (entries [4]dosEntry) {
	for i := range entries {
		e := block[446+16*i:]
		entries[i] = dosEntry{e[0], e[4],
			uint64(binary.LittleEndian.Uint32(e[8:])), uint64(binary.LittleEndian.Uint32(e[12:]))}
	}
	return entries
}

func (e *dosEntry) isEmpty() bool { return e.kind == 0 && e.count == 0 }

func (e *dosEntry) isExtended() bool { return slices.Contains([]byte{0x05, 0x0f, 0x85}, e.kind) }
