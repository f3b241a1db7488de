package logical

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/pooldef"
)

// A segment is a row of lvs: a volume and one of its segments. The names of LVM's internal volumes are in
// brackets.
type segment struct {
	Name       string
	UUID       string
	Size       uint64 // in bytes; of a snapshot: the space for changes
	Attr       string // lvs(8)
	Open       string
	Type       string
	Origin     string
	OriginSize uint64
	Percent    float64 // of a thin volume or thin pool: the used percentage; -1 if inactive
	Ranges     string
	Extent     uint64 // the group's extent size in bytes; 0 if not queried
	Major      string // -1 if inactive
	Minor      string
	Skip       string // if not empty, LVM activates the volume only on explicit request
	Pool       string // the thin pool of a thin volume
	Missing    uint64 // number of the group's missing devices
	Time       string // time of creation in seconds since 1970
}

// readSegment reads a row of lvs.
func readSegment(r *reader) segment {
	s := segment{
		Name:       r.name("lv_name"),
		UUID:       r.text("lv_uuid"),
		Size:       r.size("lv_size"),
		Attr:       r.text("lv_attr"),
		Open:       r.text("lv_device_open"),
		Type:       r.text("segtype"),
		Origin:     r.name("origin"),
		OriginSize: r.size("origin_size"),
		Percent:    r.percent("data_percent"),
		Extent:     r.size("vg_extent_size"),
		Major:      r.device("lv_kernel_major"),
		Minor:      r.device("lv_kernel_minor"),
		Skip:       r.text("lv_skip_activation"),
		Pool:       r.name("pool_lv"),
		Missing:    r.size("vg_missing_pv_count"),
	}
	s.Time, _ = r.value("lv_time")
	s.Ranges = r.ranges("seg_le_ranges", s.Extent)
	r.check("lv_name", s.Name != "")
	r.check("vg_extent_size", s.Extent > 0)
	return s
}

const (
	fewFields = "lv_name,lv_uuid,segtype"
	allFields = "lv_name,lv_uuid,lv_size,lv_attr,lv_device_open,segtype,origin," +
		"origin_size,data_percent,seg_le_ranges,vg_extent_size,vg_missing_pv_count,pool_lv,lv_skip_activation," +
		"lv_kernel_major,lv_kernel_minor,lv_time"
)

// With the option timeFormat, lvs reports lv_time in seconds since 1970 (lvm.conf(5), report/time_format).
const timeFormat = `report/time_format="%s"`

// fieldsOfNames returns the fields to query if only names and types are needed: allFields if Active has
// queried them, so that a verb runs lvs once.
func (b *Backend) fieldsOfNames(p *pooldef.Pool) string {
	if _, queried := b.queried.Load(p.Source.Name); queried {
		return allFields
	}
	return fewFields
}

// A logicalVolume is a volume as lvs reports it.
type logicalVolume struct {
	*segment // the first segment
	segments []segment
}

func (v *logicalVolume) isActive() bool  { return v.attr(4) == 'a' }
func (v *logicalVolume) isOpen() bool    { return v.Open == "open" }
func (v *logicalVolume) isThin() bool    { return v.Type == "thin" }
func (v *logicalVolume) isPartial() bool { return v.attr(8) == 'p' }

// isFailed reports whether the kernel has stopped a thin pool because its metadata cannot be used.
func (v *logicalVolume) isFailed() bool { return v.attr(8) == 'F' }

// isOverflowed reports whether a snapshot has run out of space for changes. The data of such a snapshot are
// lost.
func (v *logicalVolume) isOverflowed() bool { return strings.ContainsRune("IS", rune(v.attr(4))) }

func (v *logicalVolume) isSnapshot() bool {
	return !v.isThin() && strings.ContainsRune("sS", rune(v.attr(0)))
}

// isVolume reports whether v is a volume of the pool. LVM's internal volumes, pools that hold the data of
// other volumes, and incomplete volumes are not.
func (v *logicalVolume) isVolume() bool {
	isPool := slices.Contains([]string{"thin-pool", "cache-pool", "vdo-pool"}, v.Type)
	return !strings.HasPrefix(v.Name, "[") && !isPool && !tempNames.Match(v.Name)
}

// isActivated reports whether activating the group activates the volume.
func (v *logicalVolume) isActivated() bool { return v.isVolume() && v.Skip == "" }

func (v *logicalVolume) attr(i int) byte {
	if i < len(v.Attr) {
		return v.Attr[i]
	}
	return '-'
}

// isIndependent reports whether a snapshot no longer needs its origin: both are thin volumes of the same thin
// pool (lvmthin(7)).
func (v *logicalVolume) isIndependent(all index) bool {
	origin := all[v.Origin]
	return v.isThin() && origin != nil && origin.Pool == v.Pool
}

// An index maps the names of a group's volumes to the volumes.
type index map[string]*logicalVolume

func indexOf(all []*logicalVolume) index {
	byName := make(index, len(all))
	for _, v := range all {
		byName[v.Name] = v
	}
	return byName
}

// capacity returns the size in bytes that a guest sees.
func (v *logicalVolume) capacity() uint64 {
	if v.isSnapshot() && v.OriginSize > 0 {
		return v.OriginSize
	}
	return v.Size
}

// allocation returns the space that the volume occupies. For a snapshot, this is the space for changes, as in
// libvirt.
func (v *logicalVolume) allocation() pooldef.Size {
	if !v.isThin() {
		return pooldef.Bytes(v.Size)
	}
	used, active := v.used()
	if !active {
		return pooldef.Size{}
	}
	return pooldef.Bytes(used)
}

// allVolumes returns all volumes of a pool's group, including LVM's internal volumes, with one query.
func (b *Backend) allVolumes(ctx context.Context, p *pooldef.Pool, fields string) ([]*logicalVolume, error) {
	vg, err := group(p)
	if err != nil {
		return nil, err
	}
	args := []string{"--all", "--", vg}
	if fields == allFields {
		args = append([]string{"--config", timeFormat}, args...)
	}
	return b.segments(ctx, p, fields, args...)
}

// segments queries volumes of a pool's group. Most verbs query the same twice, and the host keeps the output:
// the same output is read once.
func (b *Backend) segments(
	ctx context.Context, p *pooldef.Pool, fields string, args ...string,
) ([]*logicalVolume, error) {
	out, err := query(ctx, b.Host, "lvs", fields, args...)
	if err != nil {
		return nil, mapErrNoGroup(err, p)
	}
	last := b.last.Load()
	if last == nil || last.fields != fields || !bytes.Equal(last.out, out) {
		rows, err := rowsOf(out, "lvs", "lv", fields, readSegment)
		if err != nil {
			return nil, err
		}
		last = &lvsOutput{fields: fields, out: out}
		if last.volumes, err = volumesOf(rows); err != nil {
			return nil, err
		}
		b.last.Store(last)
	}
	return slices.Clone(last.volumes), nil
}

// An lvsOutput is an output of lvs, and the volumes in it.
type lvsOutput struct {
	fields  string
	out     []byte
	volumes []*logicalVolume
}

// volumesOf combines the segments of each volume.
func volumesOf(rows []segment) ([]*logicalVolume, error) {
	all := make([]*logicalVolume, 0, len(rows))
	memory := make([]logicalVolume, len(rows)) // in one piece
	byName := make(map[string]*logicalVolume, len(rows))
	for i := range rows {
		r := &rows[i]
		v := byName[r.Name]
		if v == nil {
			v = &memory[i]
			v.segment, v.segments = r, rows[i:i+1:i+1]
			byName[r.Name] = v
			all = append(all, v)
			continue
		}
		if v.UUID != r.UUID {
			const field = "lv_name, which two volumes have"
			return nil, &backend.AnswerError{Tool: "lvs", Field: field, Text: r.Name}
		}
		v.segments = append(v.segments, *r)
	}
	return all, nil
}
