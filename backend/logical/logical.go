// Package logical manages pools of type logical: the pool is an LVM volume group, and its volumes are the
// group's logical volumes.
//
// The package runs LVM's tools. It reads the metadata of a group with one query (lvs, vgs or pvs, with JSON
// output) and checks every field. Starting a pool activates the group's volumes. LVM's internal volumes, thin
// pools, cache pools and VDO pools are not listed.
//
// If a definition names a thin pool, new volumes are thin and the thin pool's space is the pool's space. A
// new volume has a temporary name until it is complete.
package logical

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"

	"poolctl/backend"
	"poolctl/backend/blockvol"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Backend manages pools of type logical.
type Backend struct {
	blockvol.Devices
	queried sync.Map                  // the names of the groups of which Active has queried all fields
	last    atomic.Pointer[lvsOutput] // what lvs printed last
}

// New returns the backend.
func New(h host.Host, s backend.Secrets) *Backend {
	b := &Backend{Devices: blockvol.Devices{Host: h, Secrets: s}}
	b.Find = b.transferableVolume
	return b
}

// dir returns the directory with the links to a group's active volumes (lvm(8), valid names).
func dir(vg string) string { return "/dev/" + vg }

// Dependencies implements backend.Dependent.
func (*Backend) Dependencies(p *pooldef.Pool) backend.Dependencies {
	return backend.Dependencies{Devices: blockvol.Sources(p),
		Services: []string{"lvm2-monitor.service", "blk-availability.service"}}
}

// Active implements backend.Backend. A pool is active if the directory of the group's active volumes exists;
// libvirt checks the same. A started pool is also active if its group has no volume that activation would
// activate.
func (b *Backend) Active(ctx context.Context, p *pooldef.Pool) (bool, error) {
	vg, err := group(p)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return false, err
	}
	_, err = b.Host.Stat(dir(vg))
	switch {
	case err == nil:
		return true, nil
	case !errors.Is(err, fs.ErrNotExist):
		return false, err
	case !p.Started:
		return false, nil
	}
	b.queried.Store(vg, true)
	all, err := b.allVolumes(ctx, p, allFields)   // the fields that most verbs query next
	if errors.As(err, new(*backend.StateError)) { // the group does not exist
		return false, nil
	}
	return err == nil && !slices.ContainsFunc(all, (*logicalVolume).isActivated), err
}

// Space implements backend.Backend. The space of thin pools and of LVM's own data counts as allocated. If the
// definition names a thin pool, Space returns the thin pool's space.
func (b *Backend) Space(ctx context.Context, p *pooldef.Pool) (pooldef.Space, error) {
	if p.ThinPool != "" {
		return b.thinSpace(ctx, p)
	}
	g, err := b.group(ctx, p)
	if err != nil {
		return pooldef.Space{}, err
	}
	return b.spaceOf(ctx, p, g)
}

// spaceOf returns the space of a pool's group, which must be active.
func (b *Backend) spaceOf(ctx context.Context, p *pooldef.Pool, g *volumeGroup) (pooldef.Space, error) {
	active, err := b.Active(ctx, p)
	if err == nil && !active {
		err = &backend.StateError{Text: "the volume group " + quoted(g.name) + " is not active"}
	}
	return pooldef.Space{Capacity: g.size, Allocation: g.size - min(g.free, g.size), Available: g.free}, err
}
