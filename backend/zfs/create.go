package zfs

import (
	"context"
	"fmt"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Create implements backend.Creator. It reserves the requested allocation, which is the whole capacity by
// default. It rounds the size up to whole blocks; the block size is the definition's cluster size, or ZFS's
// default. A volume with a backing volume is a clone that shares blocks with it, and occupies space only
// where it is written to.
func (b *Backend) Create(
	ctx context.Context, p *pooldef.Pool, d *pooldef.Volume, o backend.CreateOptions,
) error {
	l, err := b.checkNameFree(ctx, p, d, o)
	if err != nil {
		return err
	}
	if d.Backing == nil {
		return b.withStaging(ctx, p, l, d.Name, "", b.createBlank(ctx, p, l, d, nil))
	}
	name := strings.TrimPrefix(d.Backing.Path, zvols+l.name+"/")
	origin := l.child(name)
	if origin == nil || !origin.isVolume() {
		return pooldef.Problems{{
			Element: "backingStore/path",
			Text: fmt.Sprintf(
				"%q is not in this pool: a copy cannot share its blocks", d.Backing.Path,
			),
		}}
	}
	return b.share(ctx, p, l, d, origin)
}

// Clone implements backend.Cloner. It copies the data. With Reflink, the new volume shares the source's
// blocks instead, and ZFS keeps the source as long as the new volume exists.
func (b *Backend) Clone(
	ctx context.Context, p *pooldef.Pool, d, source *pooldef.Volume, o backend.CloneOptions,
) error {
	wanted := *d
	if !d.Capacity.Known {
		wanted.Capacity = source.Capacity
	}
	l, err := b.checkNameFree(ctx, p, &wanted, o.CreateOptions)
	switch {
	case err != nil:
		return err
	case d.Backing != nil:
		return pooldef.Problems{{Element: "backingStore", Text: "a clone already has the data of its source"}}
	case wanted.Capacity.Bytes < source.Capacity.Bytes:
		return &host.DoesNotFitError{
			Path: path(p, d.Name), Size: source.Capacity.Bytes, Room: wanted.Capacity.Bytes,
		}
	}
	if origin := l.child(source.Name); o.Reflink && origin != nil && origin.isVolume() &&
		source.Key == key(p, source.Name) {
		if err := checkUnwritten(&host.Source{Path: source.Target.Path, InUse: o.InUse}); err != nil {
			return err
		}
		return b.share(ctx, p, l, &wanted, origin)
	}
	fill := func(path string) error { return b.FillBlank(ctx, p, path, source, o) }
	return b.withStaging(ctx, p, l, d.Name, "", b.createBlank(ctx, p, l, &wanted, fill))
}

// checkUnwritten returns an error if a process has the source open for writing. Goldens replace it.
var checkUnwritten = (*host.Source).CheckUnwritten

// checkNameFree returns an error if a volume cannot have the requested properties, or if a volume or another
// dataset has the name. Otherwise it returns the dataset's content.
func (b *Backend) checkNameFree(
	ctx context.Context, p *pooldef.Pool, d *pooldef.Volume, o backend.CreateOptions,
) (*listing, error) {
	if err := checkName(p, d.Name); err != nil {
		return nil, err
	}
	switch {
	case d.Target.Encryption != nil:
		return nil, &backend.UnsupportedError{Type: p.Type, What: "encrypted volumes"}
	case d.Capacity.Bytes == 0:
		return nil, pooldef.Problems{{Element: "capacity", Text: "missing: a volume cannot be empty"}}
	case o.Preallocation != "" && o.Preallocation != "off":
		return nil, pooldef.Problems{{Text: "there is nothing to preallocate: the space of a volume is reserved"}}
	case d.Target.ClusterSize != 0 &&
		(d.Target.ClusterSize < 512 || d.Target.ClusterSize > 16<<20 ||
			d.Target.ClusterSize&(d.Target.ClusterSize-1) != 0):
		return nil, pooldef.Problems{{
			Element: "target/clusterSize",
			Text: fmt.Sprintf(
				"%d bytes: a ZFS block size is a power of two, at least 512 bytes", d.Target.ClusterSize,
			),
		}}
	}
	l, err := b.list(ctx, p)
	if err == nil && l.child(d.Name) != nil {
		err = existError(p, d.Name)
	}
	return l, err
}

func existError(p *pooldef.Pool, name string) error {
	return &backend.ExistsError{Path: path(p, name)}
}

// blank returns the arguments of zfs create for a new volume, without the name. Space that is not reserved is
// allocated on writing.
func blank(d *pooldef.Volume) []string {
	args := []string{"create"}
	if d.Allocation.Known && d.Allocation.Bytes < d.Capacity.Bytes {
		args = append(args, "-s")
		if d.Allocation.Bytes > 0 {
			args = append(args, "-o", fmt.Sprintf("refreservation=%d", d.Allocation.Bytes))
		}
	}
	if d.Target.ClusterSize > 0 {
		args = append(args, "-b", fmt.Sprint(d.Target.ClusterSize))
	}
	return append(args, "-V", fmt.Sprint(d.Capacity.Bytes))
}

// share creates a clone of a snapshot of another volume. The snapshot is marked for deferred destruction as
// soon as the clone exists, so that it disappears with the clone (zfs-destroy(8), -d).
func (b *Backend) share(
	ctx context.Context, p *pooldef.Pool, l *listing, d *pooldef.Volume, origin *row,
) error {
	if d.Capacity.Bytes < origin.size {
		return &host.DoesNotFitError{Path: path(p, d.Name), Size: origin.size, Room: d.Capacity.Bytes}
	}
	if d.Target.ClusterSize != 0 && d.Target.ClusterSize != origin.block {
		return pooldef.Problems{{
			Element: "target/clusterSize",
			Text:    fmt.Sprintf("the blocks that are shared have %d bytes", origin.block),
		}}
	}
	return b.withStaging(ctx, p, l, d.Name, origin.name, func(temp string) error {
		snapshot := key(p, origin.name) + "@" + temp
		err := b.change(ctx, p, zfs("snapshot", "--", snapshot))
		if err == nil {
			err = b.change(ctx, p, zfs("clone", "--", snapshot, key(p, temp)))
		}
		if err == nil {
			err = b.change(ctx, p, zfs("destroy", "-d", "--", snapshot))
		}
		if size := origin.rounded(d.Capacity.Bytes); err == nil && size > origin.size {
			err = b.change(ctx, p, zfs("set", fmt.Sprintf("volsize=%d", size), key(p, temp)))
		}
		return err
	})
}

// rounded rounds a size up to whole blocks.
func (r *row) rounded(size uint64) uint64 { return backend.RoundUp(size, r.block) }

func zfs(args ...string) host.Command { return host.Cmd("zfs", args...) }
