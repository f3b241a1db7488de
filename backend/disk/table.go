package disk

import (
	"context"
	"slices"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// The kinds of partitions, as parted names them. Labels other than dos have only primary partitions.
const (
	primary  = "primary"
	logical  = "logical"
	extended = "extended"
)

// A partition is an entry of a disk's table. Offsets are in bytes; the end is exclusive.
type partition struct {
	number     int
	start, end uint64
	kind       string
	flags      []string
}

// An extent is free space for partitions.
type extent struct {
	start, end uint64
	isLogical  bool // within the extended partition
}

// A table is the content of a disk's label.
type table struct {
	*device
	label      string // libvirt's name for the label
	max        int    // maximum number of primary partitions
	alignment  uint64 // of partitions' starts and ends, in bytes
	partitions []partition
	free       []extent
}

// format returns the label that a pool's disk must have. As in libvirt, the default is dos.
func format(p *pooldef.Pool) string {
	if p.Source.Format == "" || p.Source.Format == "unknown" {
		return "dos"
	}
	return p.Source.Format
}

// table reads the table of a pool's disk, and returns an error if the label is not the pool's.
func (b *Backend) table(ctx context.Context, p *pooldef.Pool) (*table, error) {
	return b.tableBy(ctx, p, b.read)
}

// tableBy is table with the given way to read it.
func (b *Backend) tableBy(
	ctx context.Context, p *pooldef.Pool, read func(context.Context, *device) (*table, error),
) (*table, error) {
	d, err := b.device(p)
	if err != nil {
		return nil, err
	}
	if format(p) == "lvm2" {
		return nil, &backend.UnsupportedError{Type: p.Type, What: "the format lvm2: it has no partitions"}
	}
	t, err := read(ctx, d)
	if err != nil || t.label == format(p) {
		return t, err
	}
	holds := t.label
	if holds == "" {
		found, err := host.Signatures(ctx, b.Host, d.path)
		if err != nil {
			return nil, err
		}
		holds = host.Words(found)
	}
	return nil, &backend.ContentError{
		Pool: p.Name, Device: p.Source.Devices[0].Path, Holds: holds, Want: format(p),
	}
}

// extended returns the extended partition, or nil.
func (t *table) extended() *partition {
	return t.find(func(x partition) bool { return x.kind == extended })
}

// byNumber returns the partition with a number, or nil.
func (t *table) byNumber(number int) *partition {
	return t.find(func(x partition) bool { return x.number == number })
}

func (t *table) find(is func(partition) bool) *partition {
	if i := slices.IndexFunc(t.partitions, is); i >= 0 {
		return &t.partitions[i]
	}
	return nil
}
