package logical

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// marks are the names of volumes that are being made. They are never listed, and no volume can have one.
var marks = host.TempNames{Prefix: ".poolctl-"}

// withStaging makes a volume, under a name that nobody lists, and gives it its own when it is whole. create is lvcreate with all but a name; fill
// may be nil.
func (b *Backend) withStaging(ctx context.Context, p *pooldef.Pool, d *pooldef.Volume, create host.Command, fill func(path string) error) error {
	stage := marks.New()
	defer marks.Release(stage)
	staged := path(p, stage)
	create.Args = append([]string{"--yes", "--name", stage}, create.Args...)
	err := b.explain(ctx, p, b.Host.Change(ctx, create))
	made := kernelUUID(staged)
	if err == nil && fill != nil {
		err = fill(staged)
	}
	if err == nil {
		err = b.changeEach(ctx, permissions(staged, d.Target.Permissions)...)
	}
	if err == nil {
		err = mapErrExist(b.Host.Change(ctx, rename(p, stage, d.Name)), path(p, d.Name))
	}
	if err != nil {
		err = errors.Join(err, b.unmake(context.WithoutCancel(ctx), p, stage, made))
	}
	return err
}

// permissions are libvirt's: only for the owner if nothing else is said.
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

// kernelUUID returns what identifies the active volume at a path, empty if there is none.
func kernelUUID(path string) string {
	number, err := host.DeviceNumber(path)
	if err != nil {
		return ""
	}
	return uuidOf(number)
}

// uuidOf returns what identifies an active volume whatever its name: the kernel has LVM- and the uuids of its group and of itself.
func uuidOf(number string) string {
	data, _ := os.ReadFile("/sys/dev/block/" + number + "/dm/uuid")
	return strings.TrimSpace(string(data))
}

// hasUUID tells whether a volume is the one that the kernel calls so.
func (v *logicalVolume) hasUUID(kernel string) bool {
	return kernel != "" && strings.HasSuffix(kernel, strings.ReplaceAll(v.UUID, "-", ""))
}

// unmake removes a stage, also if it has its final name already.
func (b *Backend) unmake(ctx context.Context, p *pooldef.Pool, stage, made string) error {
	all, err := b.logicals(ctx, p, fewFields)
	i := slices.IndexFunc(all, func(v *logicalVolume) bool {
		return v.Name == stage || v.hasUUID(made)
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
	all, err := b.logicals(ctx, p, fewFields)
	var swept []string
	for _, v := range all {
		if !marks.IsStale(v.Name) {
			continue
		}
		if err := b.Host.Change(ctx, remove(p, v.Name)); err != nil {
			return swept, err
		}
		swept = append(swept, path(p, v.Name))
	}
	return swept, err
}
