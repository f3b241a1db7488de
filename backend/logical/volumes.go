package logical

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strconv"
	"strings"

	"poolctl/backend"
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
}

const (
	fewFields = "lv_name,lv_uuid,segtype"
	allFields = "lv_name,lv_uuid,lv_size,lv_attr,lv_device_open,segtype,origin,origin_size,data_percent,seg_le_ranges,vg_extent_size,lv_kernel_major,lv_kernel_minor"
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
func (v *logicalVolume) isSnapshot() bool {
	return !v.isThin() && strings.ContainsRune("sS", rune(v.attr(0)))
}

// isVolume tells volumes from LVM's own, from pools that hold others' data, and from what is being made.
func (v *logicalVolume) isVolume() bool {
	return !strings.HasPrefix(v.Name, "[") && !slices.Contains([]string{"thin-pool", "cache-pool", "vdo-pool"}, v.Type) && !isStage(v.Name)
}

// isActivated tells whether a volume is activated with its group.
func (v *logicalVolume) isActivated() bool { return v.isVolume() && v.Skip == "" }

func (v *logicalVolume) attr(i int) byte {
	if i < len(v.Attr) {
		return v.Attr[i]
	}
	return '-'
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
	percent, err := strconv.ParseFloat(v.Percent, 64)
	if err != nil { // it is not active
		return pooldef.Size{}
	}
	return pooldef.Bytes(uint64(float64(v.Size) * percent / 100))
}

// logicals lists all volumes of a pool's group, also LVM's own, by one question.
func (b *Backend) logicals(ctx context.Context, p *pooldef.Pool, fields string) ([]*logicalVolume, error) {
	vg, err := group(p)
	if err != nil {
		return nil, err
	}
	rows, err := report[segment](ctx, b.Host, "lvs", "lv", fields, "--all", "--", vg)
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

// Volumes implements backend.Backend: LVM is asked only for what stands in its metadata.
func (b *Backend) Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return b.list(ctx, p, fewFields, func(v *logicalVolume, _ []*logicalVolume) *pooldef.Volume { return named(p, v) })
}

// Details implements backend.Detailer. Thin pools are no volumes.
func (b *Backend) Details(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return b.list(ctx, p, allFields, func(v *logicalVolume, all []*logicalVolume) *pooldef.Volume { return b.described(p, v, all) })
}

func (b *Backend) list(ctx context.Context, p *pooldef.Pool, fields string, show func(*logicalVolume, []*logicalVolume) *pooldef.Volume) iter.Seq2[*pooldef.Volume, error] {
	return func(yield func(*pooldef.Volume, error) bool) {
		all, err := b.logicals(ctx, p, fields)
		if err != nil {
			yield(nil, err)
			return
		}
		slices.SortFunc(all, func(v, w *logicalVolume) int { return pooldef.CompareNames(v.Name, w.Name) })
		for _, v := range all {
			if !v.isVolume() {
				continue
			}
			if d := show(v, all); d != nil && !yield(d, nil) {
				return
			}
		}
	}
}

// Volume implements backend.Backend.
func (b *Backend) Volume(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	v, all, err := b.find(ctx, p, name)
	if err != nil {
		return nil, err
	}
	d := b.described(p, v, all)
	if d == nil {
		return nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
	}
	return d, nil
}

// find asks for a volume, and all others with it.
func (b *Backend) find(ctx context.Context, p *pooldef.Pool, name string) (*logicalVolume, []*logicalVolume, error) {
	all, err := b.logicals(ctx, p, allFields)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range all {
		if v.Name == name && v.isVolume() {
			return v, all, nil
		}
	}
	return nil, nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
}

// ready returns a volume whose data can be moved.
func (b *Backend) ready(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	v, _, err := b.find(ctx, p, name)
	if err == nil {
		err = mustBeActive(p, v)
	}
	if err != nil {
		return nil, err
	}
	return named(p, v), nil
}

func mustBeActive(p *pooldef.Pool, v *logicalVolume) error {
	if v.isActive() {
		return nil
	}
	return &backend.StateError{Text: fmt.Sprintf("the logical volume %q is not active", v.Name),
		Hint: "lvchange -ay -K -- " + p.Source.Name + "/" + v.Name}
}

func path(p *pooldef.Pool, name string) string { return dir(p.Source.Name) + "/" + name }

func named(p *pooldef.Pool, v *logicalVolume) *pooldef.Volume {
	return &pooldef.Volume{Type: "block", Name: v.Name, Key: v.UUID, Target: pooldef.VolumeTarget{Path: path(p, v.Name)}}
}

// described returns all that is known of a volume, nil if it has gone meanwhile. Of one that is not active there are no permissions.
func (b *Backend) described(p *pooldef.Pool, v *logicalVolume, all []*logicalVolume) *pooldef.Volume {
	d := named(p, v)
	d.Capacity, d.Physical, d.Allocation = pooldef.Bytes(v.capacity()), pooldef.Bytes(v.capacity()), v.allocation()
	d.Extents = extents(v, all)
	if v.isPartial() && !v.isActive() {
		d.Err = errors.New("a device that it is on is missing")
	}
	if v.isActive() {
		err := b.look(d, v)
		if errors.Is(err, fs.ErrNotExist) && v.Minor != "" && !v.hasUUID(uuidOf(v.Major+":"+v.Minor)) {
			return nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			d.Err = err
		}
	}
	if v.Origin != "" && !strings.HasPrefix(v.Origin, "[") {
		d.Backing = &pooldef.VolumeTarget{Path: path(p, v.Origin)}
		_ = b.Look(d.Backing, d.Backing.Path) // it may not be active
	}
	return d
}

// look looks at a volume's node. One that was just renamed has no link to it yet.
func (b *Backend) look(d *pooldef.Volume, v *logicalVolume) error {
	err := b.Look(&d.Target, d.Target.Path)
	if errors.Is(err, fs.ErrNotExist) {
		err = b.Look(&d.Target, "/dev/dm-"+v.Minor)
	}
	return err
}
