package logical

import (
	"context"
	"slices"
	"strings"

	"poolctl/backend/blockvol"
	"poolctl/pooldef"
)

// A segment is a row of lvs: a volume, and one of the pieces that it consists of. LVM's own volumes have their names in brackets.
type segment struct {
	Name       string `json:"lv_name"`
	UUID       string `json:"lv_uuid"`
	Size       number `json:"lv_size"` // of a snapshot: its room for changes
	Attr       string `json:"lv_attr"` // lvs(8)
	Open       string `json:"lv_device_open"`
	Type       string `json:"segtype"`
	Origin     string `json:"origin"`
	OriginSize number `json:"origin_size"`
	Percent    string `json:"data_percent"` // empty: not active, or all of it is there
	Ranges     string `json:"seg_le_ranges"`
	Extent     number `json:"vg_extent_size"`
	Major      string `json:"lv_kernel_major"` // -1: it is not active
	Minor      string `json:"lv_kernel_minor"`
	Skip       string `json:"lv_skip_activation"` // not empty: LVM activates it only if told so
	Pool       string `json:"pool_lv"`            // where a thin one has its room
}

const (
	fewFields = "lv_name,lv_uuid,segtype"
	allFields = "lv_name,lv_uuid,lv_size,lv_attr,lv_device_open,segtype,origin,origin_size,data_percent,seg_le_ranges,vg_extent_size,pool_lv,lv_skip_activation,lv_kernel_major,lv_kernel_minor"
)

// A logicalVolume is what lvs tells of one.
type logicalVolume struct {
	segment  // the first
	segments []segment
}

func (v *logicalVolume) isActive() bool  { return v.attr(4) == 'a' }
func (v *logicalVolume) isOpen() bool    { return v.Open == "open" }
func (v *logicalVolume) isThin() bool    { return v.Type == "thin" }
func (v *logicalVolume) isPartial() bool { return v.attr(8) == 'p' }

// isOverflowed tells the snapshots that had not enough room for changes: their data are lost.
func (v *logicalVolume) isOverflowed() bool { return strings.ContainsRune("IS", rune(v.attr(4))) }

func (v *logicalVolume) isSnapshot() bool {
	return !v.isThin() && strings.ContainsRune("sS", rune(v.attr(0)))
}

// isVolume tells volumes from LVM's own, from pools that hold others' data, and from what is being made.
func (v *logicalVolume) isVolume() bool {
	return !strings.HasPrefix(v.Name, "[") && !slices.Contains([]string{"thin-pool", "cache-pool", "vdo-pool"}, v.Type) && !blockvol.IsStage(v.Name)
}

// isActivated tells whether a volume is activated with its group.
func (v *logicalVolume) isActivated() bool { return v.isVolume() && v.Skip == "" }

func (v *logicalVolume) attr(i int) byte {
	if i < len(v.Attr) {
		return v.Attr[i]
	}
	return '-'
}

// standsAlone tells whether a snapshot needs its origin no more: both are thin, of the same thin pool (lvmthin(7)).
func (v *logicalVolume) standsAlone(all []*logicalVolume) bool {
	return v.isThin() && slices.ContainsFunc(all, func(o *logicalVolume) bool { return o.Name == v.Origin && o.Pool == v.Pool })
}

// capacity is how large a guest finds it.
func (v *logicalVolume) capacity() uint64 {
	if v.isSnapshot() && v.OriginSize > 0 {
		return uint64(v.OriginSize)
	}
	return uint64(v.Size)
}

// allocation is the room that it takes: of a snapshot, what it has for changes, as libvirt counts.
func (v *logicalVolume) allocation() pooldef.Size {
	if !v.isThin() {
		return pooldef.Bytes(uint64(v.Size))
	}
	used, active := v.used()
	if !active {
		return pooldef.Size{}
	}
	return pooldef.Bytes(used)
}

// logicals lists all volumes of a pool's group, also LVM's own, by one question.
func (b *Backend) logicals(ctx context.Context, p *pooldef.Pool, fields string) ([]*logicalVolume, error) {
	vg, err := group(p)
	if err != nil {
		return nil, err
	}
	return b.segments(ctx, p, fields, "--all", "--", vg)
}

// segments asks for volumes of a pool's group.
func (b *Backend) segments(ctx context.Context, p *pooldef.Pool, fields string, args ...string) ([]*logicalVolume, error) {
	rows, err := report[segment](ctx, b.Host, "lvs", "lv", fields, args...)
	if err != nil {
		return nil, noGroup(err, p)
	}
	var all []*logicalVolume
	byName := map[string]*logicalVolume{}
	for _, r := range rows {
		v := byName[r.Name]
		if v == nil {
			v = &logicalVolume{segment: r}
			byName[r.Name] = v
			all = append(all, v)
		}
		v.segments = append(v.segments, r)
	}
	return all, nil
}
