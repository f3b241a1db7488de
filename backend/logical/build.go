package logical

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/blockvol"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Build implements backend.Builder: vgcreate, which makes physical volumes of the devices, too (vgcreate(8)). It is not given --yes, so
// that LVM by itself refuses what holds anything. If the definition names a thin pool, that one gets all the room.
func (b *Backend) Build(ctx context.Context, p *pooldef.Pool, o backend.BuildOptions) error {
	vg, err := group(p)
	if err != nil {
		return err
	}
	devices := blockvol.Sources(p)
	if len(devices) == 0 {
		return pooldef.Problems{{Element: "source/device", Text: "missing: a volume group is made of devices"}}
	}
	if err := b.isNew(ctx, vg, devices, o.Overwrite); err != nil {
		return err
	}
	full, err := b.CheckSources(ctx, p, o.Overwrite)
	if err != nil {
		return err
	}
	if len(full) > 0 {
		if err := b.Host.Change(ctx, host.Cmd("wipefs", append([]string{"--all", "--quiet", "--"}, full...)...)); err != nil {
			return err
		}
	}
	err = b.Host.Change(ctx, host.Cmd("vgcreate", append([]string{"--", vg}, devices...)...))
	if err == nil && p.ThinPool != "" {
		host.Settle(ctx, b.Host) // udev activates once what is in a new group (69-lvm.rules): nothing yet
		create := host.Cmd("lvcreate", "--type", "thin-pool", "--extents", "100%FREE", "--name", p.ThinPool, "--", vg)
		err = b.changeEach(ctx, create, deactivate(vg)) // LVM leaves a new thin pool active whatever it is told
	}
	if err != nil {
		err = errors.Join(err, b.unbuild(context.WithoutCancel(ctx), p, devices))
	}
	return err
}

// isNew refuses to make a group that is there, unless all of it is overwritten.
func (b *Backend) isNew(ctx context.Context, vg string, devices []string, overwrite bool) error {
	all, err := b.physicals(ctx)
	for _, pv := range all {
		if pv.VG == vg && (!overwrite || !b.isOneOf(devices, pv.Device)) {
			return &pooldef.ConflictError{Text: fmt.Sprintf("there is a volume group %q already; %s is part of it", vg, pv.Device)}
		}
	}
	return err
}

// unbuild removes what there is of a group that was not there before.
func (b *Backend) unbuild(ctx context.Context, p *pooldef.Pool, devices []string) error {
	all, err := b.physicals(ctx)
	if err != nil {
		return err
	}
	var ours []string
	isThere := false
	for _, d := range devices {
		for _, pv := range all {
			if (pv.VG == p.Source.Name || pv.VG == "") && b.isOneOf([]string{pv.Device}, d) {
				ours, isThere = append(ours, d), isThere || pv.VG != ""
			}
		}
	}
	var volumes []*logicalVolume
	if isThere && p.ThinPool != "" {
		if volumes, err = b.logicals(ctx, p, fewFields); err != nil {
			return err
		}
	}
	steps := removal(p, volumes, isThere, ours)
	if len(volumes) > 0 {
		steps = append([]host.Step{deactivate(p.Source.Name)}, steps...)
	}
	return b.changeEach(ctx, steps...)
}

// removal are the steps that remove a group: the thin pool of the definition, if it is among its volumes, the group, if it is there, and
// LVM's labels on devices. The thin pool does not go if there are volumes in it: LVM would have to be told --yes.
func removal(p *pooldef.Pool, volumes []*logicalVolume, isThere bool, devices []string) []host.Step {
	var steps []host.Step
	if slices.ContainsFunc(volumes, func(v *logicalVolume) bool { return v.Name == p.ThinPool }) {
		steps = append(steps, host.Cmd("lvremove", "--", p.Source.Name+"/"+p.ThinPool))
	}
	if isThere {
		steps = append(steps, host.Cmd("vgremove", "--", p.Source.Name))
	}
	if len(devices) > 0 {
		steps = append(steps, host.Cmd("pvremove", append([]string{"--"}, devices...)...))
	}
	return steps
}

// DeletePool implements backend.Remover: the group goes, and LVM's labels on the devices that the definition names. LVM by itself refuses
// a group with volumes in it.
func (b *Backend) DeletePool(ctx context.Context, p *pooldef.Pool) error {
	all, err := b.logicals(ctx, p, fewFields)
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(all), func(v *logicalVolume) bool {
		return strings.HasPrefix(v.Name, "[") || v.Name == p.ThinPool && v.Type == "thin-pool"
	})
	if len(left) > 0 {
		return &backend.StateError{Text: "there are logical volumes in it: " + names(left), Hint: "delete them first (poolctl pool-start, vol-delete)"}
	}
	pvs, err := b.physicals(ctx)
	if err != nil {
		return err
	}
	var devices []string
	for _, pv := range pvs {
		if pv.VG == p.Source.Name && b.isOneOf(blockvol.Sources(p), pv.Device) {
			devices = append(devices, pv.Device)
		}
	}
	return b.changeEach(ctx, removal(p, all, true, devices)...)
}

// Discover implements backend.Discoverer: all groups, in the order in which LVM names their devices.
func (b *Backend) Discover(ctx context.Context, _ *pooldef.Source) ([]pooldef.Source, error) {
	all, err := b.physicals(ctx)
	if err != nil {
		return nil, err
	}
	var found []pooldef.Source
	for _, pv := range all {
		if pv.VG == "" {
			continue
		}
		i := slices.IndexFunc(found, func(s pooldef.Source) bool { return s.Name == pv.VG })
		if i < 0 {
			i = len(found)
			found = append(found, pooldef.Source{Name: pv.VG, Format: "lvm2"})
		}
		if strings.HasPrefix(pv.Device, "/") { // it is not missing
			found[i].Devices = append(found[i].Devices, pooldef.Device{Path: pv.Device})
		}
	}
	return found, nil
}
