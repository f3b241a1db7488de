package logical

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// sector is what LVM wants sizes in bytes to be multiples of (lvcreate(8)).
const sector = 512

// sized returns an option of lvcreate that gives a size, which LVM rounds up to extents. It makes nothing of no bytes.
func sized(option string, bytes uint64) []string {
	bytes = max((bytes+sector-1)/sector*sector, sector)
	return []string{option, fmt.Sprintf("%db", bytes)}
}

// Create implements backend.Creator. A volume has all of its room; if less is asked for, it is what libvirt makes then: a snapshot of
// nothing, which is lost when it needs more than that.
func (b *Backend) Create(ctx context.Context, p *pooldef.Pool, d *pooldef.Volume, o backend.CreateOptions) error {
	if err := check(p, d, o); err != nil {
		return err
	}
	all, err := b.vacant(ctx, p, d.Name)
	if err != nil {
		return err
	}
	var args []string
	switch {
	case d.Backing != nil:
		origin, err := originOf(p, d, all)
		if err != nil {
			return err
		}
		args = []string{"--snapshot"}
		if origin.isThin() { // such have their room from their pool; without the option they would not be active
			args = append(args, "--setactivationskip", "n")
		} else {
			args = append(args, sized("--size", room(d))...)
		}
		args = append(args, "--", p.Source.Name+"/"+origin.Name)
	case room(d) < d.Capacity.Bytes:
		args = slices.Concat([]string{"--type", "snapshot"}, sized("--size", room(d)), sized("--virtualsize", d.Capacity.Bytes), []string{"--", p.Source.Name})
	default:
		return b.staged(ctx, p, d, linear(p, d.Capacity.Bytes), func(string) error { return nil })
	}
	return b.staged(ctx, p, d, host.Cmd("lvcreate", args...), func(string) error { return nil })
}

// linear is the command that makes a plain volume, on which no old signature is left.
func linear(p *pooldef.Pool, size uint64) host.Command {
	return host.Cmd("lvcreate", slices.Concat([]string{"--type", "linear", "--wipesignatures", "y", "--zero", "y"}, sized("--size", size), []string{"--", p.Source.Name})...)
}

// room is what a definition asks for.
func room(d *pooldef.Volume) uint64 {
	if d.Allocation.Known {
		return min(d.Allocation.Bytes, d.Capacity.Bytes)
	}
	return d.Capacity.Bytes
}

// check refuses what a logical volume cannot have.
func check(p *pooldef.Pool, d *pooldef.Volume, o backend.CreateOptions) error {
	if err := checkName(d.Name); err != nil {
		return err
	}
	switch {
	case d.Target.Encryption != nil:
		return &backend.UnsupportedError{Type: p.Type, What: "encrypted volumes"}
	case d.Capacity.Bytes == 0:
		return pooldef.Problems{{Element: "capacity", Text: "missing: a logical volume cannot be empty"}}
	case o.Preallocation != "" && o.Preallocation != "off":
		return pooldef.Problems{{Text: "a logical volume has its room from the start: there is nothing to preallocate"}}
	}
	return nil
}

// vacant returns all volumes if none has the name.
func (b *Backend) vacant(ctx context.Context, p *pooldef.Pool, name string) ([]*logicalVolume, error) {
	all, err := b.logicals(ctx, p, allFields)
	if err == nil {
		err = isFree(p, name, all)
	}
	return all, err
}

// isFree refuses a name that is taken, also by what is no volume.
func isFree(p *pooldef.Pool, name string, all []*logicalVolume) error {
	if slices.ContainsFunc(all, func(v *logicalVolume) bool { return v.Name == name }) {
		return &fs.PathError{Op: "create", Path: path(p, name), Err: fs.ErrExist}
	}
	return nil
}

// taken makes of what LVM says of a name that is taken an error that wraps fs.ErrExist.
func taken(err error, path string) error {
	if says(err, "already exists in volume group") {
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	return err
}

// originOf returns the volume that a new one is to be a snapshot of, which is named by its path or its name.
func originOf(p *pooldef.Pool, d *pooldef.Volume, all []*logicalVolume) (*logicalVolume, error) {
	name := strings.TrimPrefix(d.Backing.Path, dir(p.Source.Name)+"/")
	for _, v := range all {
		if v.Name == name && v.isVolume() {
			return v, nil
		}
	}
	return nil, pooldef.Problems{{Element: "backingStore/path", Text: fmt.Sprintf("%q is not a volume of this pool: it cannot have snapshots in it", d.Backing.Path)}}
}

// Clone implements backend.Cloner. The new volume has all of its room, whatever the source has.
func (b *Backend) Clone(ctx context.Context, p *pooldef.Pool, d, source *pooldef.Volume, o backend.CloneOptions) error {
	size := source.Capacity.Bytes
	if d.Capacity.Known {
		size = d.Capacity.Bytes
	}
	wanted := *d
	wanted.Capacity = pooldef.Bytes(size)
	if err := check(p, &wanted, o.CreateOptions); err != nil {
		return err
	}
	if size < source.Capacity.Bytes {
		return &host.DoesNotFitError{Path: path(p, d.Name), Size: source.Capacity.Bytes, Room: size}
	}
	if d.Backing != nil {
		return pooldef.Problems{{Element: "backingStore", Text: "a clone is no snapshot"}}
	}
	if _, err := b.vacant(ctx, p, d.Name); err != nil {
		return err
	}
	return b.staged(ctx, p, d, linear(p, size), func(path string) error { return b.Fill(ctx, p, path, source, o) })
}
