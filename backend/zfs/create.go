package zfs

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Create implements backend.Creator. A volume has all of its room, or if less is asked for as much as that. Its size is rounded up to whole
// blocks, whose size is that of the definition's clusters, or ZFS's own. With a backing volume it is a copy of that which shares its blocks,
// and has its own room only where it is written to.
func (b *Backend) Create(ctx context.Context, p *pooldef.Pool, d *pooldef.Volume, o backend.CreateOptions) error {
	l, err := b.checkNameFree(ctx, p, d, o)
	if err != nil {
		return err
	}
	if d.Backing == nil {
		return b.withTempName(ctx, p, l, d, blank(d), nil)
	}
	name := strings.TrimPrefix(d.Backing.Path, zvols+l.name+"/")
	origin := l.child(name)
	if origin == nil || !origin.isVolume() {
		return pooldef.Problems{{Element: "backingStore/path", Text: fmt.Sprintf("%q is not a volume of this pool: it cannot have copies in it that share its blocks", d.Backing.Path)}}
	}
	return b.share(ctx, p, l, d, origin)
}

// Clone implements backend.Cloner: it copies. With Reflink, the new volume shares the source's blocks instead; ZFS keeps the source then
// as long as there is the new one.
func (b *Backend) Clone(ctx context.Context, p *pooldef.Pool, d, source *pooldef.Volume, o backend.CloneOptions) error {
	wanted := *d
	if !d.Capacity.Known {
		wanted.Capacity = source.Capacity
	}
	l, err := b.checkNameFree(ctx, p, &wanted, o.CreateOptions)
	switch {
	case err != nil:
		return err
	case d.Backing != nil:
		return pooldef.Problems{{Element: "backingStore", Text: "a clone has the data of its source"}}
	case wanted.Capacity.Bytes < source.Capacity.Bytes:
		return &host.DoesNotFitError{Path: path(p, d.Name), Size: source.Capacity.Bytes, Room: wanted.Capacity.Bytes}
	}
	if origin := l.child(source.Name); o.Reflink && origin != nil && origin.isVolume() && source.Key == key(p, source.Name) {
		if err := unwritten(&host.Source{Path: source.Target.Path, InUse: o.InUse}); err != nil {
			return err
		}
		return b.share(ctx, p, l, &wanted, origin)
	}
	return b.withTempName(ctx, p, l, &wanted, blank(&wanted), func(path string) error { return b.FillBlank(ctx, p, path, source, o) })
}

// unwritten refuses a source that somebody writes to. (The golden has it answered.)
var unwritten = (*host.Source).CheckUnwritten

// checkNameFree refuses what a volume cannot have, and a name that is taken, also by what is no volume. It returns what is there.
func (b *Backend) checkNameFree(ctx context.Context, p *pooldef.Pool, d *pooldef.Volume, o backend.CreateOptions) (*listing, error) {
	if err := checkName(p, d.Name); err != nil {
		return nil, err
	}
	switch {
	case d.Target.Encryption != nil:
		return nil, &backend.UnsupportedError{Type: p.Type, What: "encrypted volumes"}
	case d.Capacity.Bytes == 0:
		return nil, pooldef.Problems{{Element: "capacity", Text: "missing: a volume cannot be empty"}}
	case o.Preallocation != "" && o.Preallocation != "off":
		return nil, pooldef.Problems{{Text: "there is nothing to preallocate: a volume's room is reserved"}}
	case d.Target.ClusterSize != 0 && (d.Target.ClusterSize < 512 || d.Target.ClusterSize > 16<<20 || d.Target.ClusterSize&(d.Target.ClusterSize-1) != 0):
		return nil, pooldef.Problems{{Element: "target/clusterSize", Text: fmt.Sprintf("%d bytes: ZFS's blocks have a power of two, from 512 bytes on", d.Target.ClusterSize)}}
	}
	l, err := b.list(ctx, p)
	if err == nil && l.child(d.Name) != nil {
		err = mapErrExist(p, d.Name)
	}
	return l, err
}

func mapErrExist(p *pooldef.Pool, name string) error {
	return &fs.PathError{Op: "create", Path: path(p, name), Err: fs.ErrExist}
}

// blank is the command that makes a new volume, without its name. What is not reserved it gets when it is written to.
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

// share makes a volume that shares the blocks of another: a clone of a snapshot. The snapshot goes with the clone: to destroy it later
// (-d) is what it is told as soon as there is the clone (zfs-destroy(8)).
func (b *Backend) share(ctx context.Context, p *pooldef.Pool, l *listing, d *pooldef.Volume, origin *row) error {
	if d.Capacity.Bytes < origin.size {
		return &host.DoesNotFitError{Path: path(p, d.Name), Size: origin.size, Room: d.Capacity.Bytes}
	}
	if d.Target.ClusterSize != 0 && d.Target.ClusterSize != origin.block {
		return pooldef.Problems{{Element: "target/clusterSize", Text: fmt.Sprintf("the blocks that are shared have %d bytes", origin.block)}}
	}
	m := b.newStage(p, l)
	defer tempNames.Release(m.stage)
	snapshot := key(p, origin.name) + "@" + m.stage
	err := b.change(ctx, p, zfs("snapshot", "--", snapshot))
	if err == nil {
		err = b.change(ctx, p, zfs("clone", "--", snapshot, key(p, m.stage)))
	}
	if err == nil {
		err = b.change(ctx, p, zfs("destroy", "-d", "--", snapshot))
	}
	if size := origin.rounded(d.Capacity.Bytes); err == nil && size > origin.size {
		err = b.change(ctx, p, zfs("set", fmt.Sprintf("volsize=%d", size), key(p, m.stage)))
	}
	return m.finish(ctx, d.Name, err, snapshot)
}

// rounded returns the size of a volume that is to have so many bytes.
func (r *row) rounded(size uint64) uint64 { return (size + r.block - 1) / r.block * r.block }

func zfs(args ...string) host.Command { return host.Cmd("zfs", args...) }
