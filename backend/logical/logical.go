// Package logical manages pools whose volumes are the logical volumes of an LVM volume group.
package logical

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"poolctl/backend"
	"poolctl/backend/blockvol"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Backend manages pools of type logical.
type Backend struct{ blockvol.Devices }

// New returns the backend.
func New(h host.Host, s backend.Secrets) *Backend {
	b := &Backend{blockvol.Devices{Host: h, Secrets: s}}
	b.Find = b.transferableVolume
	return b
}

// dir is where the links to a group's active volumes are (lvm(8), valid names).
func dir(vg string) string { return "/dev/" + vg }

// Active implements backend.Backend: there is the directory of the group's active volumes, for which libvirt looks, too. A pool that was
// started is also active when there is nothing in it that could be activated.
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
	all, err := b.logicals(ctx, p, allFields)                        // as most verbs ask then
	if state := (*backend.StateError)(nil); errors.As(err, &state) { // there is no group
		return false, nil
	}
	return err == nil && !slices.ContainsFunc(all, (*logicalVolume).isActivated), err
}

// Space implements backend.Backend. What thin pools and LVM's own data take is allocated. If the definition names a thin pool, that one's
// room is the pool's.
func (b *Backend) Space(ctx context.Context, p *pooldef.Pool) (pooldef.Space, error) {
	if p.ThinPool != "" {
		return b.thinSpace(ctx, p)
	}
	g, err := b.group(ctx, p)
	if err != nil {
		return pooldef.Space{}, err
	}
	active, err := b.Active(ctx, p)
	if err == nil && !active {
		err = &backend.StateError{Text: "the volume group " + quoted(g.name) + " is not active"}
	}
	return pooldef.Space{Capacity: g.size, Allocation: g.size - min(g.free, g.size), Available: g.free}, err
}
