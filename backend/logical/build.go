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

// Build implements backend.Builder. It runs vgcreate, which also creates physical volumes on the devices
// (vgcreate(8)). Without --yes, LVM itself refuses devices that contain data. If the definition names a thin
// pool, that thin pool gets all the space.
func (b *Backend) Build(ctx context.Context, p *pooldef.Pool, o backend.BuildOptions) error {
	vg, err := group(p)
	if err != nil {
		return err
	}
	devices := blockvol.Sources(p)
	if len(devices) == 0 {
		return pooldef.Problems{{Element: "source/device", Text: "missing: a volume group needs devices"}}
	}
	if o.IfMissing {
		if built, err := b.isBuilt(ctx, p, devices); built || err != nil {
			return err
		}
	}
	if err := b.checkNew(ctx, vg, devices, o.Overwrite); err != nil {
		return err
	}
	full, err := b.CheckSources(ctx, p, o.Overwrite)
	if err != nil {
		return err
	}
	if len(full) > 0 {
		if err := b.Host.Change(
			ctx, host.Cmd("wipefs", append([]string{"--all", "--quiet", "--"}, full...)...),
		); err != nil {
			return err
		}
	}
	err = b.Host.Change(ctx, host.Cmd("vgcreate", append([]string{"--", vg}, devices...)...))
	if err == nil && p.ThinPool != "" {
		// udev activates a new group once (69-lvm.rules); the group must still be empty then
		host.Settle(ctx, b.Host)
		create := host.Cmd(
			"lvcreate", "--type", "thin-pool", "--extents", "100%FREE", "--name", p.ThinPool, "--", vg,
		)
		err = b.changeEach(ctx, create, deactivate(vg)) // LVM always leaves a new thin pool active
	}
	if err != nil {
		err = errors.Join(err, b.undoBuild(context.WithoutCancel(ctx), p, devices))
	}
	return err
}

// isBuilt reports whether the group exists with all these devices, and with the thin pool if the definition
// names one.
func (b *Backend) isBuilt(ctx context.Context, p *pooldef.Pool, devices []string) (bool, error) {
	all, err := b.physicalVolumes(ctx)
	if err != nil {
		return false, err
	}
	var group []string
	for _, pv := range all {
		if pv.VG == p.Source.Name {
			group = append(group, pv.Device)
		}
	}
	isElsewhere := func(device string) bool { return !b.isOneOf(group, device) }
	if group == nil || slices.ContainsFunc(devices, isElsewhere) {
		return false, nil // checkNew says what is wrong
	}
	if p.ThinPool == "" {
		return true, nil
	}
	volumes, err := b.allVolumes(ctx, p, fewFields)
	if err != nil || slices.ContainsFunc(volumes, func(v *logicalVolume) bool { return v.Name == p.ThinPool }) {
		return err == nil, err
	}
	const text = "the volume group %q exists already, without the thin pool %q"
	return false, &pooldef.ConflictError{Text: fmt.Sprintf(text, p.Source.Name, p.ThinPool)}
}

// checkNew returns an error if the group exists, unless all its devices are to be overwritten.
func (b *Backend) checkNew(ctx context.Context, vg string, devices []string, overwrite bool) error {
	all, err := b.physicalVolumes(ctx)
	for _, pv := range all {
		if pv.VG == vg && (!overwrite || !b.isOneOf(devices, pv.Device)) {
			return &pooldef.ConflictError{
				Text: fmt.Sprintf("a volume group %q exists already; %s is part of it", vg, pv.Device),
			}
		}
	}
	return err
}

// undoBuild removes the parts of a group that a failed Build has created.
func (b *Backend) undoBuild(ctx context.Context, p *pooldef.Pool, devices []string) error {
	all, err := b.physicalVolumes(ctx)
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
		if volumes, err = b.allVolumes(ctx, p, fewFields); err != nil {
			return err
		}
	}
	steps := removalSteps(p, volumes, isThere, ours)
	if len(volumes) > 0 {
		steps = append([]host.Step{deactivate(p.Source.Name)}, steps...)
	}
	return b.changeEach(ctx, steps...)
}

// removalSteps returns the steps that remove the definition's thin pool (if it is among the volumes), the
// group (if it exists), and LVM's labels on the devices. lvremove fails if the thin pool contains volumes,
// because it runs without --yes.
func removalSteps(p *pooldef.Pool, volumes []*logicalVolume, isThere bool, devices []string) []host.Step {
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

// DeletePool implements backend.PoolDeleter. It removes the group and LVM's labels on the devices that the
// definition names. LVM itself refuses to remove a group with volumes.
func (b *Backend) DeletePool(ctx context.Context, p *pooldef.Pool) error {
	all, err := b.allVolumes(ctx, p, fewFields)
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(all), func(v *logicalVolume) bool {
		return strings.HasPrefix(v.Name, "[") || v.Name == p.ThinPool && v.Type == "thin-pool"
	})
	if len(left) > 0 {
		return &backend.StateError{
			Text: "it contains logical volumes: " + names(left),
			Hint: "delete them first (poolctl pool-start, vol-delete)",
		}
	}
	pvs, err := b.physicalVolumes(ctx)
	if err != nil {
		return err
	}
	var devices []string
	for _, pv := range pvs {
		if pv.VG == p.Source.Name && b.isOneOf(blockvol.Sources(p), pv.Device) {
			devices = append(devices, pv.Device)
		}
	}
	return b.changeEach(ctx, removalSteps(p, all, true, devices)...)
}

// Discover implements backend.Discoverer. It returns all groups, in LVM's order of their devices.
func (b *Backend) Discover(ctx context.Context, _ *pooldef.Source) ([]pooldef.Source, error) {
	all, err := b.physicalVolumes(ctx)
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
		if strings.HasPrefix(pv.Device, "/") { // not missing
			found[i].Devices = append(found[i].Devices, pooldef.Device{Path: pv.Device})
		}
	}
	return found, nil
}
