package logical

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/blockvol"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// sector is the unit of sizes in bytes that LVM accepts (lvcreate(8)).
const sector = 512

// sizeOption returns an lvcreate option with a size of at least one sector. LVM rounds sizes up to whole
// extents.
func sizeOption(option string, bytes uint64) []string {
	bytes = max((bytes+sector-1)/sector*sector, sector)
	return []string{option, fmt.Sprintf("%db", bytes)}
}

// Create implements backend.Creator. The space of a volume is allocated completely. If the definition
// requests a smaller allocation, Create makes a sparse snapshot without an origin, as libvirt does; its data
// are lost if it needs more space. If the pool's definition names a thin pool, the volume is thin. An
// encrypted volume is larger by the size of the LUKS header.
func (b *Backend) Create(
	ctx context.Context, p *pooldef.Pool, d *pooldef.Volume, o backend.CreateOptions,
) error {
	if err := checkDefinition(d, o); err != nil {
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
		args := slices.Concat(
			[]string{"--type", "snapshot"}, sizeOption("--size", requestedSpace(d)), sizeOption("--virtualsize", size),
			[]string{"--", p.Source.Name},
		)
		return b.withStaging(ctx, p, d, host.Cmd("lvcreate", args...), nil)
	}
	create, _, err := blank(p, all, size)
	if err != nil {
		return err
	}
	return b.withStaging(ctx, p, d, create, nil)
}

// snapshotOf returns the command that creates a snapshot of the volume named in the definition.
func snapshotOf(p *pooldef.Pool, d *pooldef.Volume, all []*logicalVolume) (host.Command, error) {
	origin, err := originOf(p, d, all)
	switch {
	case err != nil:
		return host.Command{}, err
	case origin.isThin():
		return thinSnapshot(p, origin.Name), nil
	}
	return snapshotWithSpace(p, origin.Name, requestedSpace(d)), nil
}

// snapshotWithSpace returns the command that creates a snapshot with space for changes, in bytes, of a volume
// that is not thin.
func snapshotWithSpace(p *pooldef.Pool, origin string, space uint64) host.Command {
	return host.Cmd(
		"lvcreate",
		slices.Concat(
			[]string{"--snapshot"}, sizeOption("--size", space), []string{"--", p.Source.Name + "/" + origin},
		)...,
	)
}

// createEncrypted creates a LUKS-encrypted volume.
func (b *Backend) createEncrypted(
	ctx context.Context, p *pooldef.Pool, d *pooldef.Volume, all []*logicalVolume,
) error {
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

// linear returns the command that creates a linear volume and wipes old signatures on it.
func linear(p *pooldef.Pool, size uint64) host.Command {
	return host.Cmd(
		"lvcreate",
		slices.Concat(
			[]string{"--type", "linear", "--wipesignatures", "y", "--zero", "y"}, sizeOption("--size", size),
			[]string{"--", p.Source.Name},
		)...,
	)
}

// requestedSpace returns the allocation in bytes that a definition requests.
func requestedSpace(d *pooldef.Volume) uint64 {
	if d.Allocation.Known {
		return min(d.Allocation.Bytes, d.Capacity.Bytes)
	}
	return d.Capacity.Bytes
}

// checkDefinition returns an error if a logical volume cannot have the requested properties.
func checkDefinition(d *pooldef.Volume, o backend.CreateOptions) error {
	if err := checkName(d.Name); err != nil {
		return err
	}
	switch {
	case d.Target.Encryption != nil && d.Backing != nil:
		return pooldef.Problems{{Element: "target/encryption", Text: "a snapshot has the encryption of its origin"}}
	case d.Capacity.Bytes == 0:
		return pooldef.Problems{{Element: "capacity", Text: "missing: a logical volume cannot be empty"}}
	case o.Preallocation != "" && o.Preallocation != "off":
		return pooldef.Problems{{
			Text: "there is nothing to preallocate: logical volumes are fully allocated, thin volumes when " +
				"written to",
		}}
	}
	return nil
}

// checkNameFree returns all volumes of the group, or an error if one has the name.
func (b *Backend) checkNameFree(ctx context.Context, p *pooldef.Pool, name string) ([]*logicalVolume, error) {
	all, err := b.allVolumes(ctx, p, allFields)
	if err == nil {
		err = checkNameUnused(p, name, all)
	}
	if err == nil {
		err = checkComplete(p, all)
	}
	return all, err
}

// checkNameUnused returns an error if the name is in use, by a volume or an internal volume.
func checkNameUnused(p *pooldef.Pool, name string, all []*logicalVolume) error {
	if slices.ContainsFunc(all, func(v *logicalVolume) bool { return v.Name == name }) {
		return &backend.ExistsError{Path: path(p, name)}
	}
	return nil
}

// mapErrExist converts LVM's "already exists" into an error that wraps fs.ErrExist.
func mapErrExist(err error, path string) error {
	if host.StderrContains(err, "already exists in volume group") {
		return &backend.ExistsError{Path: path}
	}
	return err
}

// originOf returns the origin of a new snapshot. The definition names it by its path or its name.
func originOf(p *pooldef.Pool, d *pooldef.Volume, all []*logicalVolume) (*logicalVolume, error) {
	name := strings.TrimPrefix(d.Backing.Path, dir(p.Source.Name)+"/")
	for _, v := range all {
		if v.Name == name && v.isVolume() {
			return v, nil
		}
	}
	return nil, pooldef.Problems{{
		Element: "backingStore/path",
		Text:    fmt.Sprintf("%q is not in this pool: its snapshot cannot be here", d.Backing.Path),
	}}
}
