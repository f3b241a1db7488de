package logical

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/blockvol"
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
// nothing, which is lost when it needs more than that. If the pool's definition names a thin pool, it is thin. An encrypted one is larger
// by LUKS's header.
func (b *Backend) Create(ctx context.Context, p *pooldef.Pool, d *pooldef.Volume, o backend.CreateOptions) error {
	if err := check(d, o); err != nil {
		return err
	}
	all, err := b.checkNameFree(ctx, p, d.Name)
	if err != nil {
		return err
	}
	size := d.Capacity.Bytes
	switch {
	case d.Backing != nil:
		create, err := snapshotOf(p, d, all)
		if err != nil {
			return err
		}
		return b.withStaging(ctx, p, d, create, nil)
	case d.Target.Encryption != nil:
		return b.createEncrypted(ctx, p, d, all)
	case p.ThinPool == "" && requestedSpace(d) < size:
		args := slices.Concat([]string{"--type", "snapshot"}, sized("--size", requestedSpace(d)), sized("--virtualsize", size), []string{"--", p.Source.Name})
		return b.withStaging(ctx, p, d, host.Cmd("lvcreate", args...), nil)
	}
	create, _, err := blank(p, all, size)
	if err != nil {
		return err
	}
	return b.withStaging(ctx, p, d, create, nil)
}

// snapshotOf is the command that makes a snapshot of the volume that a definition names.
func snapshotOf(p *pooldef.Pool, d *pooldef.Volume, all []*logicalVolume) (host.Command, error) {
	origin, err := originOf(p, d, all)
	switch {
	case err != nil:
		return host.Command{}, err
	case origin.isThin():
		return thinSnapshot(p, origin.Name), nil
	}
	return host.Cmd("lvcreate", slices.Concat([]string{"--snapshot"}, sized("--size", requestedSpace(d)), []string{"--", p.Source.Name + "/" + origin.Name})...), nil
}

// createEncrypted makes a volume that is encrypted by LUKS.
func (b *Backend) createEncrypted(ctx context.Context, p *pooldef.Pool, d *pooldef.Volume, all []*logicalVolume) error {
	encrypt, err := b.PrepareEncryption(d)
	if err != nil {
		return err
	}
	create, _, err := blank(p, all, d.Capacity.Bytes+blockvol.EncryptionHeaderSize)
	if err != nil {
		return err
	}
	return b.withStaging(ctx, p, d, create, func(path string) error { return encrypt(ctx, path) })
}

// linear is the command that makes a plain volume, on which no old signature is left.
func linear(p *pooldef.Pool, size uint64) host.Command {
	return host.Cmd("lvcreate", slices.Concat([]string{"--type", "linear", "--wipesignatures", "y", "--zero", "y"}, sized("--size", size), []string{"--", p.Source.Name})...)
}

// requestedSpace is what a definition asks for.
func requestedSpace(d *pooldef.Volume) uint64 {
	if d.Allocation.Known {
		return min(d.Allocation.Bytes, d.Capacity.Bytes)
	}
	return d.Capacity.Bytes
}

// check refuses what a logical volume cannot have.
func check(d *pooldef.Volume, o backend.CreateOptions) error {
	if err := checkName(d.Name); err != nil {
		return err
	}
	switch {
	case d.Target.Encryption != nil && d.Backing != nil:
		return pooldef.Problems{{Element: "target/encryption", Text: "a snapshot is encrypted as its origin is"}}
	case d.Capacity.Bytes == 0:
		return pooldef.Problems{{Element: "capacity", Text: "missing: a logical volume cannot be empty"}}
	case o.Preallocation != "" && o.Preallocation != "off":
		return pooldef.Problems{{Text: "there is nothing to preallocate: a logical volume has its room from the start, a thin one when it is written to"}}
	}
	return nil
}

// checkNameFree returns all volumes if none has the name.
func (b *Backend) checkNameFree(ctx context.Context, p *pooldef.Pool, name string) ([]*logicalVolume, error) {
	all, err := b.logicals(ctx, p, allFields)
	if err == nil {
		err = checkNameUnused(p, name, all)
	}
	return all, err
}

// checkNameUnused refuses a name that is taken, also by what is no volume.
func checkNameUnused(p *pooldef.Pool, name string, all []*logicalVolume) error {
	if slices.ContainsFunc(all, func(v *logicalVolume) bool { return v.Name == name }) {
		return &fs.PathError{Op: "create", Path: path(p, name), Err: fs.ErrExist}
	}
	return nil
}

// mapErrExist makes of what LVM says of a name that is taken an error that wraps fs.ErrExist.
func mapErrExist(err error, path string) error {
	if host.StderrContains(err, "already exists in volume group") {
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
