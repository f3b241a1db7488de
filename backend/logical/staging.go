package logical

import (
	"context"
	"os"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// tempNames generates the temporary names of incomplete volumes. Listings omit these volumes, and no other
// volume can have such a name.
var tempNames = host.TempNames{Prefix: ".poolctl-"}

// withStaging creates a volume under a temporary name, and renames the volume when it is complete. create is
// an lvcreate command without a name. fill writes the data, and may be nil.
func (b *Backend) withStaging(
	ctx context.Context, p *pooldef.Pool, d *pooldef.Volume, create host.Command, fill func(path string) error,
) error {
	made := "" // the volume's device-mapper UUID
	return backend.Staging{
		Names: &tempNames,
		Create: func(temp string) error {
			staged := path(p, temp)
			create.Args = append([]string{"--yes", "--name", temp}, create.Args...)
			err := b.translateError(ctx, p, b.Host.Change(ctx, create))
			made = b.kernelUUID(staged)
			if err == nil && fill != nil {
				err = fill(staged)
			}
			if err == nil {
				err = b.changeEach(ctx, permissions(staged, d.Target.Permissions)...)
			}
			return err
		},
		Rename: func(temp string) error {
			return mapErrExist(b.Host.Change(ctx, rename(p, temp, d.Name)), path(p, d.Name))
		},
		Remove: func(ctx context.Context, temp string, _ bool) error { return b.removeStaged(ctx, p, temp, made) },
	}.Run(ctx)
}

// permissions returns the steps that set a device's mode and owner. As in libvirt, the default mode is 0600.
func permissions(path string, wanted pooldef.Permissions) []host.Step {
	mode, uid, gid := uint32(0o600), -1, -1
	if wanted.Mode != nil {
		mode = *wanted.Mode
	}
	if wanted.Owner != nil {
		uid = int(*wanted.Owner)
	}
	if wanted.Group != nil {
		gid = int(*wanted.Group)
	}
	steps := []host.Step{host.Chmod{Path: path, Mode: os.FileMode(mode)}}
	if uid >= 0 || gid >= 0 {
		steps = append([]host.Step{host.Chown{Path: path, UID: uid, GID: gid}}, steps...)
	}
	return steps
}

// kernelUUID returns the device-mapper UUID of the active volume at a path, or "" if there is none.
func (b *Backend) kernelUUID(path string) string {
	number, err := b.Host.DeviceNumber(path)
	if err != nil {
		return ""
	}
	return b.uuidOf(number)
}

// uuidOf returns the device-mapper UUID of a block device, which identifies an active volume even after a
// rename. For logical volumes it is "LVM-" followed by the UUIDs of the group and the volume.
func (b *Backend) uuidOf(number string) string {
	return host.ReadSys(b.Host.Sys(), "dev/block", number, "dm/uuid")
}

// hasUUID reports whether the volume has the given device-mapper UUID.
func (v *logicalVolume) hasUUID(kernel string) bool {
	return kernel != "" && strings.HasSuffix(kernel, strings.ReplaceAll(v.UUID, "-", ""))
}

// removeStaged removes an incomplete volume, even if it already has its final name.
func (b *Backend) removeStaged(ctx context.Context, p *pooldef.Pool, temp, made string) error {
	all, err := b.allVolumes(ctx, p, fewFields)
	i := slices.IndexFunc(all, func(v *logicalVolume) bool {
		return v.Name == temp || v.hasUUID(made)
	})
	if err != nil || i < 0 {
		return err
	}
	return b.Host.Change(ctx, remove(p, all[i].Name))
}

func remove(p *pooldef.Pool, name string) host.Step {
	return host.Cmd("lvremove", "--yes", "--", p.Source.Name+"/"+name)
}

// RemoveStale implements backend.StaleRemover.
func (b *Backend) RemoveStale(ctx context.Context, p *pooldef.Pool) ([]string, error) {
	all, err := b.allVolumes(ctx, p, b.fieldsOfNames(p))
	var removed []string
	for _, v := range all {
		if !tempNames.IsStale(v.Name) {
			continue
		}
		if err := b.Host.Change(ctx, remove(p, v.Name)); err != nil {
			return removed, err
		}
		removed = append(removed, path(p, v.Name))
	}
	return removed, err
}
