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
)

// labels maps libvirt's names of labels to parted's, where they differ.
var labels = map[string]string{"dos": "msdos"}

func partedLabel(format string) string {
	if word := labels[format]; word != "" {
		return word
	}
	return format
}

// parted returns a command that changes a disk. Offsets are exact; this package aligns them.
func parted(d *device, args ...string) host.Command {
	return host.Cmd("parted", append([]string{"--script", "--align", "none", "--", d.path}, args...)...)
}

// An answer is parted's output for a disk.
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

// maxNumber is the highest partition number that is accepted from parted. The kernel has at most 256
// partitions of a disk (DISK_MAX_PARTS).
const maxNumber = 1 << 16

// partition parses a row. An impossible value is an AnswerError.
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
	case r.Type != "free" && (r.Number < 1 || r.Number > maxNumber):
		return wrong("number", fmt.Sprint(r.Number))
	}
	return partition{number: r.Number, start: start, end: last + 1, kind: r.Type, flags: r.Flags}, nil
}

// check returns an error if a table is impossible, such as one whose partitions have a total size that
// overflows.
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
	if a.Disk.Max < 0 || a.Disk.Max > maxNumber {
		return &backend.AnswerError{Tool: "parted", Field: "max-partitions", Text: fmt.Sprint(a.Disk.Max)}
	}
	if !backend.IsPlain(t.label) {
		return &backend.AnswerError{Tool: "parted", Field: "label", Text: t.label}
	}
	return errors.Join(backend.CheckSizes("parted", "sum of partitions", used...),
		backend.CheckSizes("parted", "sum of free room", free...))
}

// read reads the table of any disk. A disk without a label gives an empty table. parted reports a file system
// on the whole disk as label "loop", which counts as no label.
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
	case "sun", "pc98": // measured only in cylinders
		geometry, _, err := b.print(ctx, d, "unit", "cyl", "print")
		if err != nil {
			return nil, err
		}
		t.alignment = cylinder(geometry.Disk.Geometry)
	}
	return t, t.fill(found)
}

// print runs parted's print command, and reports whether the disk has a label.
func (b *Backend) print(ctx context.Context, d *device, what ...string) (a answer, labelled bool, err error) {
	c := host.Cmd("parted", append([]string{"--script", "--json", "--", d.path}, what...)...)
	c.RetryOn = "CRC mismatch" // another program is writing the table
	c.ReadOnly = !d.isMapped   // parted queries device-mapper through a device that must be opened for writing
	c.Cacheable = true
	out, err := b.Host.Query(ctx, c)
	if exit, ok := errors.AsType[*host.ExitError](err); ok &&
		strings.Contains(exit.Stderr, "unrecognised disk label") {
		return a, false, nil
	}
	if err == nil {
		if err = json.Unmarshal(out, &a); err != nil {
			err = fmt.Errorf("output of parted for %q: %w", d.path, err)
		}
	}
	return a, err == nil, err
}

// cylinder returns the size of a cylinder in bytes.
func cylinder(geometry string) uint64 {
	var cylinders, heads, sectors uint64
	const most = 1 << 16 // the fields in a label have at most 16 bits
	_, err := fmt.Sscanf(geometry, "%d,%d,%d", &cylinders, &heads, &sectors)
	if err == nil && heads > 0 && heads < most && sectors > 0 && sectors < most {
		return heads * sectors * sector
	}
	return 1 << 20
}

// fill sorts parted's output into partitions and free extents. A partition that contains the label itself,
// such as Apple's first partition or SGI's volume header, is neither.
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
		t.partitions = slices.DeleteFunc(
			t.partitions, func(x partition) bool { return x.kind == extended || x.kind == logical },
		)
	}
	return nil
}
