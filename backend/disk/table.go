package disk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Kinds of partitions, in parted's words. All labels but dos have only the first.
const (
	primary  = "primary"
	logical  = "logical"
	extended = "extended"
)

// A partition stands in a disk's table, in bytes; the end is exclusive.
type partition struct {
	number     int
	start, end uint64
	kind       string
	flags      []string
}

// An extent is room for partitions.
type extent struct {
	start, end uint64
	isLogical  bool // inside of the extended partition
}

// A table is what stands in a disk's label.
type table struct {
	*device
	label      string // libvirt's word
	max        int    // how many primary partitions there can be
	alignment  uint64 // where partitions begin and end
	partitions []partition
	free       []extent
}

// labels are parted's words for libvirt's, where they differ.
var labels = map[string]string{"dos": "msdos"}

// format returns the label that a pool's disk has to have. As with libvirt it is dos if none is named.
func format(p *pooldef.Pool) string {
	if p.Source.Format == "" || p.Source.Format == "unknown" {
		return "dos"
	}
	return p.Source.Format
}

func partedLabel(format string) string {
	if word := labels[format]; word != "" {
		return word
	}
	return format
}

// parted returns a command that changes a disk. Places are given to the byte, and alignment is ours.
func parted(d *device, args ...string) host.Command {
	return host.Cmd("parted", append([]string{"--script", "--align", "none", "--", d.path}, args...)...)
}

// table reads the table of a pool's disk, whose label has to be the pool's.
func (b *Backend) table(ctx context.Context, p *pooldef.Pool) (*table, error) {
	d, err := b.device(p)
	if err != nil {
		return nil, err
	}
	if format(p) == "lvm2" {
		return nil, &backend.UnsupportedError{Type: p.Type, What: "the format lvm2: it has no partitions"}
	}
	t, err := b.read(ctx, d)
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
	return nil, &backend.ContentError{Pool: p.Name, Device: p.Source.Devices[0].Path, Holds: holds, Want: format(p)}
}

// An answer is what parted prints of a disk.
type answer struct {
	Disk struct {
		Label      string
		Max        int    `json:"max-partitions"`
		Geometry   string // cylinders, heads and sectors, and a cylinder's size
		Partitions []answerRow
	}
}

type answerRow struct {
	Number     int
	Start, End string
	Type       string
	Flags      []string
}

// mostNumber is the highest number of a partition that is believed. The kernel has 256 of a disk
// (DISK_MAX_PARTS).
const mostNumber = 1 << 16

// partition reads a row. What cannot be true is an AnswerError.
func (r *answerRow) partition() (partition, error) {
	wrong := func(field, text string) (partition, error) {
		return partition{}, &backend.AnswerError{Tool: "parted", Field: field, Text: text}
	}
	start, err := backend.ParseSize("parted", "start", strings.TrimSuffix(r.Start, "B"))
	if err != nil {
		return partition{}, err
	}
	last, err := backend.ParseSize("parted", "end", strings.TrimSuffix(r.End, "B"))
	switch {
	case err != nil:
		return partition{}, err
	case last < start || last == backend.MaxSize:
		return wrong("end", r.End)
	case !slices.Contains([]string{"free", primary, logical, extended}, r.Type):
		return wrong("type", r.Type)
	case r.Type != "free" && (r.Number < 1 || r.Number > mostNumber):
		return wrong("number", fmt.Sprint(r.Number))
	}
	return partition{number: r.Number, start: start, end: last + 1, kind: r.Type, flags: r.Flags}, nil
}

// check refuses a table that cannot be: it has partitions or room that together are too large to be counted.
func (t *table) check(a answer) error {
	var used, free []uint64
	for _, x := range t.partitions {
		if x.kind != extended {
			used = append(used, x.end-x.start)
		}
	}
	for _, x := range t.free {
		free = append(free, x.end-x.start)
	}
	if a.Disk.Max < 0 || a.Disk.Max > mostNumber {
		return &backend.AnswerError{Tool: "parted", Field: "max-partitions", Text: fmt.Sprint(a.Disk.Max)}
	}
	if !backend.IsPlain(t.label) {
		return &backend.AnswerError{Tool: "parted", Field: "label", Text: t.label}
	}
	return errors.Join(backend.CheckSizes("parted", "sum of partitions", used...),
		backend.CheckSizes("parted", "sum of free room", free...))
}

// read reads any disk's table; one without a label has none. A file system on the whole disk is a label to parted: loop.
func (b *Backend) read(ctx context.Context, d *device) (*table, error) {
	found, labelled, err := b.print(ctx, d, "unit", "B", "print", "free")
	if err != nil {
		return nil, err
	}
	t := &table{device: d}
	if !labelled || found.Disk.Label == "loop" {
		return t, nil
	}
	t.label, t.max, t.alignment = found.Disk.Label, found.Disk.Max, 1<<20
	switch t.label {
	case "msdos":
		t.label = "dos"
	case "sun", "pc98": // know only cylinders
		geometry, _, err := b.print(ctx, d, "unit", "cyl", "print")
		if err != nil {
			return nil, err
		}
		t.alignment = cylinder(geometry.Disk.Geometry)
	}
	return t, t.fill(found)
}

// print lets parted print a disk, and tells whether it finds a label.
func (b *Backend) print(ctx context.Context, d *device, what ...string) (a answer, labelled bool, err error) {
	c := host.Cmd("parted", append([]string{"--script", "--json", "--", d.path}, what...)...)
	c.RetryOn = "CRC mismatch" // somebody is just writing the table
	c.ReadOnly = !d.isMapped   // of device-mapper it asks by a device that has to be opened so
	c.Cacheable = true
	out, err := b.Host.Query(ctx, c)
	exit := (*host.ExitError)(nil)
	if errors.As(err, &exit) && strings.Contains(exit.Stderr, "unrecognised disk label") {
		return a, false, nil
	}
	if err == nil {
		if err = json.Unmarshal(out, &a); err != nil {
			err = fmt.Errorf("what parted says of %q: %w", d.path, err)
		}
	}
	return a, err == nil, err
}

// cylinder returns the size of a cylinder, in bytes.
func cylinder(geometry string) uint64 {
	var cylinders, heads, sectors uint64
	const most = 1 << 16 // a label's fields have 16 bits at the most
	_, err := fmt.Sscanf(geometry, "%d,%d,%d", &cylinders, &heads, &sectors)
	if err == nil && heads > 0 && heads < most && sectors > 0 && sectors < most {
		return heads * sectors * sector
	}
	return 1 << 20
}

// fill sorts what parted prints into partitions and free extents. What holds the label itself, as Apple's first partition and SGI's
// volume header do, is neither.
func (t *table) fill(a answer) error {
	seen := map[int]bool{}
	for _, row := range a.Disk.Partitions {
		x, err := row.partition()
		switch {
		case err != nil:
			return fmt.Errorf("of %q %w", t.path, err)
		case row.Type == "free":
			t.free = append(t.free, extent{start: x.start, end: x.end})
			continue
		case seen[x.number]:
			const field = "number, which two partitions have"
			return &backend.AnswerError{Tool: "parted", Field: field, Text: fmt.Sprint(x.number)}
		}
		seen[x.number] = true
		if t.label != "mac" || x.number != 1 {
			t.partitions = append(t.partitions, x)
		}
	}
	if err := t.check(a); err != nil {
		return fmt.Errorf("of %q %w", t.path, err)
	}
	if whole := t.extended(); whole != nil {
		for i, x := range t.free {
			t.free[i].isLogical = whole.start <= x.start && x.end <= whole.end
		}
	}
	if t.label != "dos" {
		t.free = slices.DeleteFunc(t.free, func(x extent) bool { return x.isLogical })
		t.partitions = slices.DeleteFunc(t.partitions, func(x partition) bool { return x.kind == extended || x.kind == logical })
	}
	return nil
}

// extended returns the extended partition, nil if there is none.
func (t *table) extended() *partition {
	return t.find(func(x partition) bool { return x.kind == extended })
}

// numbered returns the partition of a number, nil if there is none.
func (t *table) numbered(number int) *partition {
	return t.find(func(x partition) bool { return x.number == number })
}

func (t *table) find(is func(partition) bool) *partition {
	if i := slices.IndexFunc(t.partitions, is); i >= 0 {
		return &t.partitions[i]
	}
	return nil
}
