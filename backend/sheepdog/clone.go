package sheepdog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Clone implements backend.Cloner for volumes of the same pool: by a snapshot that is there only meanwhile. The clone shares what neither has been
// written to, and stands by itself.
func (b *Backend) Clone(ctx context.Context, p *pooldef.Pool, v, source *pooldef.Volume, o backend.CloneOptions) error {
	c, all, err := b.checkNameFree(ctx, p, v)
	if err != nil {
		return err
	}
	from := named(all, source.Name)
	switch {
	case o.From == nil || o.From.UUID != p.UUID:
		return &backend.UnsupportedError{Type: p.Type, What: "copying volumes of other pools; vol-create and vol-upload do that"}
	case from == nil:
		return fmt.Errorf("%w: %q", backend.ErrNoVolume, source.Name)
	case v.Capacity.Known && v.Capacity.Bytes < from.size:
		return &host.DoesNotFitError{Path: scheme + v.Name, Size: from.size, Room: v.Capacity.Bytes}
	case o.Preallocation != "" && o.Preallocation != "off":
		return &backend.UnsupportedError{Type: p.Type, What: "preallocation of a clone"}
	case !v.Capacity.Known || v.Capacity.Bytes == from.size:
		return b.clone(ctx, p, c, from, v.Name)
	}
	return b.cloneLarger(ctx, p, c, from, v)
}

// cloneLarger makes a clone, then makes it larger, and gives it its name: by another clone, as dog cannot rename.
func (b *Backend) cloneLarger(ctx context.Context, p *pooldef.Pool, c cluster, from *image, v *pooldef.Volume) error {
	name := marks.New()
	defer marks.Release(name)
	err := b.clone(ctx, p, c, from, name)
	if err != nil {
		return err
	}
	if err = b.do(ctx, c, c.vdi([]string{"resize"}, name, strconv.FormatUint(v.Capacity.Bytes, 10))); err == nil {
		err = b.clone(ctx, p, c, &image{name: name, size: v.Capacity.Bytes}, v.Name)
	}
	b.remove(ctx, p, c, &image{name: name})
	return err
}

// clone makes an image of another or of a snapshot, with its size.
func (b *Backend) clone(ctx context.Context, p *pooldef.Pool, c cluster, from *image, name string) error {
	if !from.snapshot {
		tag := marks.New()
		defer marks.Release(tag)
		err := b.do(ctx, c, c.vdi([]string{"snapshot", "-s", tag}, from.name))
		taken := &image{name: from.name, snapshot: true, tag: tag, size: from.size}
		defer b.remove(ctx, p, c, taken)
		if err != nil {
			return err
		}
		from = taken
	}
	err := b.do(ctx, c, c.vdi([]string{"clone", "-s", from.which()}, from.name, name))
	if err != nil && !errors.Is(err, fs.ErrExist) {
		b.unmake(ctx, p, c, func(i *image) bool { return i.isNamed(name) && i.size == from.size })
	}
	return err
}

// remove removes a stage. What that leaves, Sweep finds.
func (b *Backend) remove(ctx context.Context, p *pooldef.Pool, c cluster, i *image) {
	if b.do(context.WithoutCancel(ctx), c, c.delete(i)) != nil {
		b.unmake(ctx, p, c, func(left *image) bool { return left.name == i.name && left.tag == i.tag })
	}
}

// marks are the names of images, and the tags of snapshots, that are being made on this machine.
var marks = host.TempNames{Prefix: ".poolctl-" + host.Machine() + "-"}

// isStage tells such names of whatever machine.
var isStage = regexp.MustCompile(`^\.poolctl-[0-9a-f]{8}-\d+-\d+-\d+$`).MatchString

// isVolume tells whether others see an image.
func (i *image) isVolume() bool { return !i.hidden && !isStage(i.name) && !isStage(i.tag) }

// RemoveStale implements backend.StaleRemover.
func (b *Backend) RemoveStale(ctx context.Context, p *pooldef.Pool) ([]string, error) {
	c, err := clusterOf(p)
	if err != nil {
		return nil, err
	}
	all, err := b.all(ctx, p)
	var swept []string
	for _, i := range all {
		if !marks.IsStale(i.name) && !marks.IsStale(i.tag) {
			continue
		}
		if err := b.do(ctx, c, c.delete(i)); err != nil {
			return swept, err
		}
		swept = append(swept, scheme+i.volumeName())
	}
	return swept, err
}
