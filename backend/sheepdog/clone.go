package sheepdog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/format/lazy"
	"poolctl/pooldef"
)

// Clone implements backend.Cloner for volumes of the same pool, through a temporary snapshot. The clone
// shares unchanged data with its source, and does not depend on it.
func (b *Backend) Clone(
	ctx context.Context, p *pooldef.Pool, v, source *pooldef.Volume, o backend.CloneOptions,
) error {
	c, all, err := b.checkNameFree(ctx, p, v)
	if err != nil {
		return err
	}
	from := named(all, source.Name)
	switch {
	case o.From == nil || o.From.UUID != p.UUID:
		return &backend.UnsupportedError{
			Type: p.Type, What: "copying volumes of other pools; vol-create and vol-upload do that",
		}
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

// cloneLarger makes a clone under a temporary name, enlarges it, and clones it again to its final name,
// because dog cannot rename.
func (b *Backend) cloneLarger(
	ctx context.Context, p *pooldef.Pool, c cluster, from *image, v *pooldef.Volume,
) error {
	name := tempNames.New()
	defer tempNames.Release(name)
	err := b.clone(ctx, p, c, from, name)
	if err != nil {
		return err
	}
	if err = b.change(
		ctx, c, c.vdi([]string{"resize"}, name, strconv.FormatUint(v.Capacity.Bytes, 10)),
	); err == nil {
		err = b.clone(ctx, p, c, &image{name: name, size: v.Capacity.Bytes}, v.Name)
	}
	b.remove(ctx, p, c, &image{name: name})
	return err
}

// clone makes an image of the same size from another image or from a snapshot.
func (b *Backend) clone(ctx context.Context, p *pooldef.Pool, c cluster, from *image, name string) error {
	if !from.snapshot {
		tag := tempNames.New()
		defer tempNames.Release(tag)
		err := b.change(ctx, c, c.vdi([]string{"snapshot", "-s", tag}, from.name))
		taken := &image{name: from.name, snapshot: true, tag: tag, size: from.size}
		defer b.remove(ctx, p, c, taken)
		if err != nil {
			return err
		}
		from = taken
	}
	err := b.change(ctx, c, c.vdi([]string{"clone", "-s", from.snapshotArg()}, from.name, name))
	if err != nil && !errors.Is(err, fs.ErrExist) {
		b.removeOurs(ctx, p, c, func(i *image) bool { return i.isNamed(name) && i.size == from.size })
	}
	return err
}

// remove removes a temporary image or snapshot. If that fails, Sweep removes it later.
func (b *Backend) remove(ctx context.Context, p *pooldef.Pool, c cluster, i *image) {
	if b.change(context.WithoutCancel(ctx), c, c.delete(i)) != nil {
		b.removeOurs(ctx, p, c, func(left *image) bool { return left.name == i.name && left.tag == i.tag })
	}
}

// tempNames generates the temporary names of images and the tags of temporary snapshots.
var tempNames = host.TempNames{Prefix: ".poolctl-", Shared: true}

// isTempName reports whether a name is a temporary name of any machine.
var isTempName = lazy.Regexp(`^\.poolctl-[0-9a-f]{8}-\d+-\d+-\d+$`)

// isVolume reports whether listings show an image.
func (i *image) isVolume() bool {
	return !i.hidden && !isTempName().MatchString(i.name) && !isTempName().MatchString(i.tag)
}

// RemoveStale implements backend.StaleRemover.
func (b *Backend) RemoveStale(ctx context.Context, p *pooldef.Pool) ([]string, error) {
	c, err := clusterOf(p)
	if err != nil {
		return nil, err
	}
	all, err := b.all(ctx, p)
	var removed []string
	for _, i := range all {
		if !i.isStale() {
			continue
		}
		if err := b.change(ctx, c, c.delete(i)); err != nil {
			return removed, err
		}
		removed = append(removed, scheme+i.volumeName())
	}
	return removed, err
}
