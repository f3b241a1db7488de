package logical

import (
	"context"
	"slices"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Clone implements backend.Cloner. The new volume is thin if the definition names a thin pool; otherwise all
// its space is allocated, even if the source is sparse. A clone within a thin pool shares blocks with its
// source, and does not depend on the source.
func (b *Backend) Clone(
	ctx context.Context, p *pooldef.Pool, d, source *pooldef.Volume, o backend.CloneOptions,
) error {
	size := source.Capacity.Bytes
	if d.Capacity.Known {
		size = d.Capacity.Bytes
	}
	wanted := *d
	wanted.Capacity = pooldef.Bytes(size)
	if err := checkDefinition(&wanted, o.CreateOptions); err != nil {
		return err
	}
	switch {
	case size < source.Capacity.Bytes:
		return &host.DoesNotFitError{Path: path(p, d.Name), Size: source.Capacity.Bytes, Room: size}
	case d.Backing != nil:
		return pooldef.Problems{{Element: "backingStore", Text: "a clone is not a snapshot"}}
	case d.Target.Encryption != nil:
		return &backend.UnsupportedError{Type: p.Type, What: "copying into encrypted volumes"}
	}
	all, err := b.checkNameFree(ctx, p, d.Name)
	if err != nil {
		return err
	}
	create, isThin, err := blank(p, all, size)
	switch {
	case err != nil:
		return err
	case isThin && size == source.Capacity.Bytes && isThinOf(p, source, all):
		if err := (&host.Source{Path: source.Target.Path, InUse: o.InUse}).CheckUnwritten(); err != nil {
			return err
		}
		return b.withStaging(ctx, p, d, thinSnapshot(p, source.Name), nil)
	}
	fill := b.Fill
	if isThin {
		fill = b.FillBlank
	}
	return b.withStaging(ctx, p, d, create, func(path string) error { return fill(ctx, p, path, source, o) })
}

// isThinOf reports whether a source is an active volume of the thin pool that the definition names.
func isThinOf(p *pooldef.Pool, source *pooldef.Volume, all []*logicalVolume) bool {
	return slices.ContainsFunc(all, func(v *logicalVolume) bool {
		return v.UUID == source.Key && v.Name == source.Name && v.isThin() && v.Pool == p.ThinPool && v.isActive()
	})
}
