// Package sheepdog manages pools of type sheepdog: the pool is a formatted Sheepdog cluster, and its volumes
// are the cluster's VDIs and their snapshots (VDI:TAG).
//
// The package runs Sheepdog's program dog. Its exit status is not reliable for images, so any error output
// counts as failure, and important results are checked. dog cannot rename: a clone that is larger than its
// source is made under a temporary name and cloned again.
package sheepdog

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Backend manages pools of type sheepdog. Starting and stopping a pool changes nothing.
type Backend struct {
	host    host.Host
	timeout time.Duration
}

// New returns the backend. The cluster must answer within timeout.
func New(h host.Host, timeout time.Duration) *Backend { return &Backend{h, timeout} }

// Dependencies implements backend.Dependent.
func (*Backend) Dependencies(*pooldef.Pool) backend.Dependencies {
	return backend.Dependencies{Network: true, Services: []string{"sheepdog.service"}}
}

// Active implements backend.Backend. A pool is active if its cluster answers and is formatted.
func (b *Backend) Active(ctx context.Context, p *pooldef.Pool) (bool, error) {
	_, err := b.Space(ctx, p)
	if backend.IsUnusable(err) {
		return false, nil
	}
	return err == nil, err
}

// Space implements backend.Backend. It returns the space of all nodes. A volume occupies space for each of
// its copies.
func (b *Backend) Space(ctx context.Context, p *pooldef.Pool) (pooldef.Space, error) {
	c, err := clusterOf(p)
	if err != nil {
		return pooldef.Space{}, err
	}
	out, err := b.query(ctx, c, c.dog("node", "info", "-r"))
	if err != nil {
		return pooldef.Space{}, err
	}
	return parseSpace(string(out))
}

// Volumes implements backend.Backend. A snapshot is a read-only volume with the name VOLUME:TAG.
func (b *Backend) Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return backend.List(func() ([]*image, error) {
		all, err := b.all(ctx, p)
		return slices.DeleteFunc(all, func(i *image) bool { return !i.isVolume() }), err
	}, func(i *image) *pooldef.Volume { return i.volume(p) })
}

// Details implements backend.DetailLister. Volumes already returns all details.
func (b *Backend) Details(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return b.Volumes(ctx, p)
}

// Volume implements backend.Backend.
func (b *Backend) Volume(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	i, err := b.find(ctx, p, name)
	if err != nil {
		return nil, err
	}
	return i.volume(p), nil
}

// Locate implements backend.Locator.
func (b *Backend) Locate(_ context.Context, p *pooldef.Pool, pathOrKey string) (string, bool) {
	for _, prefix := range []string{scheme, p.Source.Name + "/"} {
		if name, ok := strings.CutPrefix(pathOrKey, prefix); ok && name != "" {
			return name, true
		}
	}
	return "", false
}

// scheme is the prefix of QEMU's names for images.
const scheme = "sheepdog:"

// volume returns the image as a volume. Its allocation includes shared data; otherwise, taking a snapshot
// would reduce the allocation of a volume to 0.
func (i *image) volume(p *pooldef.Pool) *pooldef.Volume {
	name, none := i.volumeName(), uint32(0) // libvirt's output for volumes without format and permissions
	return &pooldef.Volume{Type: "network", Name: name, Key: p.Source.Name + "/" + name,
		Capacity: pooldef.Bytes(i.size), Allocation: pooldef.Bytes(i.used + i.shared),
		Target: pooldef.VolumeTarget{Path: scheme + name, Format: "unknown",
			Permissions: pooldef.Permissions{Mode: &none, Owner: &none, Group: &none}}}
}

// all returns all images, in the order of pooldef.CompareNames. It uses one query, because dog reads every
// image for each query. An unformatted cluster returns an empty list, so all checks that case.
func (b *Backend) all(ctx context.Context, p *pooldef.Pool) ([]*image, error) {
	c, err := clusterOf(p)
	if err != nil {
		return nil, err
	}
	list := c.dog("vdi", "list", "-r")
	list.FailOnStderr = true // dog omits images that it cannot read from the list
	out, err := b.query(ctx, c, list)
	if err != nil {
		return nil, err
	}
	all, err := parseImages(string(out))
	if err == nil && len(all) == 0 {
		_, err = b.Space(ctx, p)
	}
	slices.SortFunc(all, func(i, j *image) int { return pooldef.CompareNames(i.volumeName(), j.volumeName()) })
	return all, err
}

// find returns a volume's image.
func (b *Backend) find(ctx context.Context, p *pooldef.Pool, name string) (*image, error) {
	all, err := b.all(ctx, p)
	if err != nil {
		return nil, err
	}
	if i := named(all, name); i != nil {
		return i, nil
	}
	return nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
}

// named returns the image of the volume with a name, or nil.
func named(all []*image, name string) *image {
	n := slices.IndexFunc(all, func(i *image) bool { return i.isVolume() && i.volumeName() == name })
	if n < 0 {
		return nil
	}
	return all[n]
}
