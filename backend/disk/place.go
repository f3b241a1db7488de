package disk

import (
	"fmt"
	"slices"

	"poolctl/backend"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// newPartition plans a partition with the volume's name, which must be the name of the next free number. In a
// dos label, primary and logical partitions have separate numbers.
func (t *table) newPartition(d *pooldef.Volume) (*partition, error) {
	number := t.number(d.Name)
	if number > 0 && t.byNumber(number) != nil {
		return nil, &backend.ExistsError{Path: t.partition(number)}
	}
	x := &partition{number: number, kind: primary}
	whole := t.extended()
	switch {
	case d.Target.Format == extended && whole != nil:
		return nil, &backend.StateError{
			Text: fmt.Sprintf("the disk already has an extended partition, %s", t.name(whole.number)),
		}
	case d.Target.Format == extended:
		x.kind = extended
	case t.label == "dos" && number > t.max && whole == nil:
		return nil, &backend.StateError{
			Text: fmt.Sprintf(
				"%s would be a logical partition, and the disk has no extended partition", d.Name,
			),
			Hint: "create an extended partition first: --format extended",
		}
	case t.label == "dos" && number > t.max:
		x.kind = logical
	}
	if number == 0 || number != t.next(x.kind) {
		return nil, t.wrongNameError(d)
	}
	return x, nil
}

// wrongNameError returns an error that names the next partition.
func (t *table) wrongNameError(d *pooldef.Volume) error {
	text := fmt.Sprintf("all %d primary partitions of %q are in use", t.max, t.path)
	if n := t.next(primary); n > 0 {
		text = fmt.Sprintf("the next partition of %q is %s", t.path, t.name(n))
	}
	if t.extended() != nil && d.Target.Format != extended {
		text += fmt.Sprintf("; the next logical one is %s", t.name(t.next(logical)))
	}
	return pooldef.Problems{{Element: "name", Text: fmt.Sprintf("%q: %s", d.Name, text)}}
}

// reserved lists the numbers that labels reserve for the whole disk or for themselves.
var reserved = map[string][]int{"mac": {1}, "sun": {3}, "dvh": {9, 10, 11}}

// next returns the number that libparted gives to the next partition of a kind, or 0 if there are no free
// numbers.
func (t *table) next(kind string) int {
	first, last := 1, t.max
	if kind == logical {
		first, last = t.max+1, t.max+len(t.partitions)+1
	}
	taken := map[int]bool{}
	for _, x := range t.partitions {
		taken[x.number] = true
	}
	for n := first; n <= last; n++ {
		if !taken[n] && !slices.Contains(reserved[t.label], n) {
			return n
		}
	}
	return 0
}

// place finds the smallest free extent that is large enough for a partition. A partition never spans two
// extents.
func (t *table) place(x *partition, size uint64, pool string) error {
	most, best := uint64(0), uint64(0)
	for _, e := range t.free {
		if e.isLogical != (x.kind == logical) {
			continue
		}
		start := t.alignUp(max(e.start, 1))
		if e.isLogical { // the partition's own table precedes it
			start = t.alignUp(e.start + 1)
		}
		room := e.end/t.alignment*t.alignment - min(start, e.end/t.alignment*t.alignment)
		most = max(most, room)
		if size <= room && (best == 0 || room < best) {
			best, x.start, x.end = room, start, start+t.alignUp(size)
		}
	}
	if best > 0 {
		return nil
	}
	return &backend.StateError{
		Text: fmt.Sprintf(
			"no free extent of %q has %d bytes: the largest possible partition has %d bytes", t.path, size,
			most,
		),
		Hint: "poolctl pool-dumpxml " + shell.Quote(pool) + " shows the free extents",
	}
}

func (t *table) alignUp(n uint64) uint64 { return backend.RoundUp(n, t.alignment) }
