package logical

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// Start implements backend.Starter. It activates all volumes except those with the activation-skip flag. If
// activation fails, Start deactivates the group, unless the group was active before. Start refuses a group
// with a missing device.
func (b *Backend) Start(ctx context.Context, p *pooldef.Pool) error {
	g, err := b.startableGroup(ctx, p)
	if err != nil {
		return err
	}
	if g.missing > 0 {
		return &backend.StateError{
			Text: fmt.Sprintf("the volume group %q lacks %d of its devices; it has %s", g.name, g.missing,
				strings.Join(g.devices, ", ")),
			Hint: fmt.Sprintf("poolctl pool-start %s --degraded starts the volumes that are complete",
				shell.Quote(p.Name)),
		}
	}
	return b.undoing(ctx, g, func() error { return b.Host.Change(ctx, activate(g.name)) })
}

// StartDegraded implements backend.DegradedStarter. LVM activates the volumes that have all their data,
// including RAID volumes that lack redundant devices only (lvmraid(7), activation mode degraded).
func (b *Backend) StartDegraded(ctx context.Context, p *pooldef.Pool) ([]*pooldef.Volume, error) {
	g, err := b.startableGroup(ctx, p)
	if err != nil {
		return nil, err
	}
	var missing []*pooldef.Volume
	err = b.undoing(ctx, g, func() (err error) {
		step := host.Cmd("vgchange", "--activate", "y", "--activationmode", "degraded", "--", g.name)
		missing, err = b.missingVolumes(ctx, p, b.Host.Change(ctx, step))
		return err
	})
	return missing, err
}

// missingVolumes returns the volumes that LVM did not activate because they lack a device. LVM then fails
// with the error activation, although it has activated all other volumes. If it has not, or if it could
// activate none, missingVolumes returns an error.
func (b *Backend) missingVolumes(
	ctx context.Context, p *pooldef.Pool, activation error,
) (missing []*pooldef.Volume, err error) {
	all, err := b.allVolumes(ctx, p, allFields)
	if err != nil {
		return nil, errors.Join(activation, err)
	}
	complete := 0
	for _, v := range all {
		switch {
		case !v.isActivated():
		case v.isActive() || !v.isPartial() && activation == nil: // in a dry run, none is active
			complete++
		case !v.isPartial():
			return nil, activation
		default:
			d := summary(p, v)
			d.Err = errPartial
			missing = append(missing, d)
		}
	}
	if complete == 0 && len(missing) > 0 {
		return nil, &backend.StateError{
			Text: fmt.Sprintf("each volume of the group %q lacks a device", p.Source.Name),
			Hint: "pvs -o name,uuid,missing -S " + shell.Quote("vg_name="+p.Source.Name),
		}
	}
	return missing, nil
}

// undoing calls start. If start fails, undoing deactivates the group, unless the group was active before.
func (b *Backend) undoing(ctx context.Context, g *volumeGroup, start func() error) error {
	_, wasActive := b.Host.Stat(dir(g.name))
	err := start()
	if err != nil && wasActive != nil {
		err = errors.Join(err, b.Host.Change(context.WithoutCancel(ctx), deactivate(g.name)))
	}
	return err
}

// startableGroup returns a pool's group, or an error if the group has none of the devices, or not the thin
// pool, that the definition names.
func (b *Backend) startableGroup(ctx context.Context, p *pooldef.Pool) (*volumeGroup, error) {
	g, err := b.group(ctx, p)
	if err == nil {
		err = b.checkDevices(g, p)
	}
	if err == nil && p.ThinPool != "" {
		_, err = b.thinPool(ctx, p)
	}
	return g, err
}

// checkDevices returns an error if the group has none of the devices that the definition names.
func (b *Backend) checkDevices(g *volumeGroup, p *pooldef.Pool) error {
	for _, d := range p.Source.Devices {
		if b.isOneOf(g.devices, d.Path) {
			return nil
		}
	}
	if len(p.Source.Devices) == 0 {
		return nil
	}
	return &backend.StateError{
		Text: fmt.Sprintf(
			"the volume group %q has none of the devices that the definition names; it has %s", g.name,
			strings.Join(g.devices, ", "),
		),
	}
}

// isOneOf reports whether a device is in a list, also if paths differ by symbolic links.
func (b *Backend) isOneOf(devices []string, device string) bool {
	device = b.Host.Canonical(device)
	return slices.ContainsFunc(devices, func(d string) bool { return b.Host.Canonical(d) == device })
}

func activate(vg string) host.Step   { return host.Cmd("vgchange", "--activate", "y", "--", vg) }
func deactivate(vg string) host.Step { return host.Cmd("vgchange", "--activate", "n", "--", vg) }

// changeEach applies steps in order, and stops at the first error.
func (b *Backend) changeEach(ctx context.Context, steps ...host.Step) error {
	for _, s := range steps {
		if err := b.Host.Change(ctx, s); err != nil {
			return err
		}
	}
	return nil
}
