// Package scsivol lists the logical units of SCSI hosts as volumes, for pools of type scsi and iscsi.
//
// [Units] implements the capabilities that both backends share; a backend embeds it and sets the Hosts
// function. All information comes from /sys; no device is opened or queried. A unit's key is the identifier
// that scsi_id(8) prints, and its path is a link below the pool's target, such as /dev/disk/by-path.
package scsivol

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/blockvol"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Units are the units of a pool's SCSI hosts. A backend that embeds Units gets the capabilities of its
// methods.
type Units struct {
	blockvol.Devices
	// Hosts returns the numbers of a pool's SCSI hosts, or an error that says why there are none.
	Hosts func(ctx context.Context, p *pooldef.Pool) ([]int, error)
	// Scan makes a host look for new units and for new sizes.
	Scan func(ctx context.Context, number int) error
}

// New returns Units whose hosts the kernel scans. The caller must set Hosts.
func New(h host.Host, s backend.Secrets) Units {
	u := Units{Devices: blockvol.Devices{Host: h, Secrets: s}}
	u.Scan = func(ctx context.Context, number int) error { return h.Change(ctx, host.ScanSCSI{Host: number}) }
	return u
}

// Space implements backend.Backend. It returns the total size of the units.
func (u *Units) Space(ctx context.Context, p *pooldef.Pool) (pooldef.Space, error) {
	all, err := u.list(ctx, p, "")
	if err != nil {
		return pooldef.Space{}, err
	}
	sizes := make([]uint64, len(all))
	for i, one := range all {
		sizes[i] = one.size
	}
	sum, err := backend.Sum("the kernel", "sum of units", sizes...)
	return pooldef.Space{Capacity: sum, Allocation: sum}, err
}

// Volumes implements backend.Backend.
func (u *Units) Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return u.each(ctx, p, (*unit).volume)
}

// Details implements backend.DetailLister.
func (u *Units) Details(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return u.each(ctx, p, func(one *unit) *pooldef.Volume { return one.details(u.Devices) })
}

func (u *Units) each(
	ctx context.Context, p *pooldef.Pool, show func(*unit) *pooldef.Volume,
) iter.Seq2[*pooldef.Volume, error] {
	return backend.List(func() ([]*unit, error) { return u.list(ctx, p, "") }, show)
}

// Volume implements backend.Backend.
func (u *Units) Volume(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	one, err := u.find(ctx, p, name)
	if err != nil {
		return nil, err
	}
	return one.details(u.Devices), nil
}

// Ready finds a volume for blockvol.Devices. It does not inspect the device.
func (u *Units) Ready(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	one, err := u.find(ctx, p, name)
	switch {
	case err != nil:
		return nil, err
	case one.size == 0:
		return nil, one.goneError()
	}
	return one.volume(), nil
}

func (u *Units) find(ctx context.Context, p *pooldef.Pool, name string) (*unit, error) {
	address, ok := strings.CutPrefix(name, "unit:")
	all, err := u.list(ctx, p, address)
	if err == nil && (!ok || address == "" || len(all) == 0) {
		err = fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
	}
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// list returns the units that have a path, sorted by name; if address is not empty, only the unit with this
// address. A unit that several hosts have at the same address, such as the hosts of an iSCSI target's
// portals, is listed once.
func (u *Units) list(ctx context.Context, p *pooldef.Pool, address string) ([]*unit, error) {
	hosts, err := u.hosts(ctx, p)
	if err != nil {
		return nil, err
	}
	all, err := u.units(p, hosts, address)
	if err != nil {
		return nil, err
	}
	var found []*unit
	seen := map[string]bool{}
	for _, one := range all {
		if one.path != "" && !seen[one.address] {
			seen[one.address] = true
			found = append(found, one)
		}
	}
	return found, nil
}

func (u *Units) hosts(ctx context.Context, p *pooldef.Pool) ([]int, error) {
	if err := errors.Join(ctx.Err(), checkTarget(p)); err != nil {
		return nil, err
	}
	return u.Hosts(ctx, p)
}

// units returns all units of some hosts, sorted by name, including units that are not usable yet.
func (u *Units) units(p *pooldef.Pool, hosts []int, address string) ([]*unit, error) {
	paths, err := u.paths(p)
	if err != nil {
		return nil, err
	}
	sys := u.Host.Sys()
	entries, err := fs.ReadDir(sys, devices)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	block, err := blockDevices(sys)
	if err != nil {
		return nil, err
	}
	var all []*unit
	for _, e := range entries {
		number, at, ok := parseAddress(e.Name())
		if !ok || !slices.Contains(hosts, number) || address != "" && at != address {
			continue
		}
		if one := readUnit(sys, e.Name(), number, at, block[e.Name()]); one != nil {
			one.path = paths.of(sys, one)
			one.fibre = p.Source.Adapter != nil && p.Source.Adapter.Type == "fc_host"
			all = append(all, one)
		}
	}
	slices.SortFunc(all, compareUnits)
	return all, nil
}

// checkTarget returns an error if a target cannot contain devices.
func checkTarget(p *pooldef.Pool) error {
	if path := filepath.Clean(p.Target.Path); path == "/dev" || strings.HasPrefix(path, "/dev/") {
		return nil
	}
	return pooldef.Problems{{
		Element: "target/path",
		Text:    fmt.Sprintf("%q is not below /dev, where devices are", p.Target.Path),
	}}
}
