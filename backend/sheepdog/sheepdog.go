// Package sheepdog manages pools that are a Sheepdog cluster, by its program dog. The cluster has to be formatted.
package sheepdog

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Backend manages pools of type sheepdog. Starting one changes nothing.
type Backend struct {
	host    host.Host
	timeout time.Duration
}

// New returns the backend. The cluster may take as long as timeout to answer.
func New(h host.Host, timeout time.Duration) *Backend { return &Backend{h, timeout} }

// Active implements backend.Backend: the cluster answers, and is formatted.
func (b *Backend) Active(ctx context.Context, p *pooldef.Pool) (bool, error) {
	_, err := b.Space(ctx, p)
	if state := (*backend.StateError)(nil); errors.As(err, &state) {
		return false, nil
	}
	return err == nil, err
}

// Space implements backend.Backend: the room that all nodes have together, of which a volume takes some for every copy.
func (b *Backend) Space(ctx context.Context, p *pooldef.Pool) (pooldef.Space, error) {
	c, err := clusterOf(p)
	if err != nil {
		return pooldef.Space{}, err
	}
	out, err := b.ask(ctx, c, c.dog("node", "info", "-r"))
	if err != nil {
		return pooldef.Space{}, err
	}
	return parseSpace(string(out))
}

// Volumes implements backend.Backend. A snapshot is a volume, too, that one cannot write to: VOLUME:TAG.
func (b *Backend) Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return backend.List(func() ([]*image, error) {
		all, err := b.all(ctx, p)
		return slices.DeleteFunc(all, func(i *image) bool { return !i.isVolume() }), err
	}, func(i *image) *pooldef.Volume { return i.volume(p) })
}

// Details implements backend.Detailer: there is no more to tell.
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

// scheme is what QEMU's names of images begin with.
const scheme = "sheepdog:"

// volume describes an image. What it shares with snapshots and clones counts as its own: a snapshot would otherwise take everything from it.
func (i *image) volume(p *pooldef.Pool) *pooldef.Volume {
	name, none := i.volumeName(), uint32(0) // as libvirt prints it of what has neither format nor permissions
	return &pooldef.Volume{Type: "network", Name: name, Key: p.Source.Name + "/" + name,
		Capacity: pooldef.Bytes(i.size), Allocation: pooldef.Bytes(i.used + i.shared), Target: pooldef.VolumeTarget{Path: scheme + name, Format: "unknown",
			Permissions: pooldef.Permissions{Mode: &none, Owner: &none, Group: &none}}}
}

// all returns all images, in the order of pooldef.CompareNames. It is one question for all: dog looks at every image for every answer. A cluster that is
// not formatted answers that there are none.
func (b *Backend) all(ctx context.Context, p *pooldef.Pool) ([]*image, error) {
	c, err := clusterOf(p)
	if err != nil {
		return nil, err
	}
	list := c.dog("vdi", "list", "-r")
	list.FailOnStderr = true // an image that cannot be read is left out of the list
	out, err := b.ask(ctx, c, list)
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

// named returns the image of the volume with a name, nil if there is none.
func named(all []*image, name string) *image {
	n := slices.IndexFunc(all, func(i *image) bool { return i.isVolume() && i.volumeName() == name })
	if n < 0 {
		return nil
	}
	return all[n]
}
