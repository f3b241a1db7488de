package rbd

import (
	"context"
	"iter"
	"slices"

	"poolctl/backend"
	"poolctl/pooldef"
)

// info queries a volume.
func (b *Backend) info(ctx context.Context, p *pooldef.Pool, name string) (i info, err error) {
	at, err := placeOf(p)
	if err == nil && checkName(name) != nil {
		err = noVolumeError(name)
	}
	if err == nil {
		err = b.queryImage(ctx, p, &i, "info", at, name)
	}
	return i, err
}

// firstOf remembers names.
type firstOf map[string]bool

// first reports whether a name occurs for the first time.
func (f firstOf) first(name string) bool {
	seen := f[name]
	f[name] = true
	return !seen
}

// names lists the names of all images, including temporary names, but without names that rbd(8) cannot
// address: those are not volumes. It omits repeated names: rbd reads the directory of a pool in parts, and
// lists an image twice if the image is renamed at the same time.
func (b *Backend) names(ctx context.Context, p *pooldef.Pool) ([]string, error) {
	at, err := placeOf(p)
	if err != nil {
		return nil, err
	}
	var all []string
	err = b.query(ctx, p, &all, "rbd", append([]string{"ls", "--format=json"}, at.args("")...)...)
	seen := firstOf{}
	return slices.DeleteFunc(all, func(name string) bool { return !isPlain(name) || !seen.first(name) }), err
}

// atOnce sets how many images rbd inspects in parallel.
const atOnce = "--rbd-concurrent-management-ops=32"

// rows lists all images and snapshots with their sizes.
func (b *Backend) rows(ctx context.Context, p *pooldef.Pool) ([]row, error) {
	at, err := placeOf(p)
	if err != nil {
		return nil, err
	}
	var all rowList
	err = b.query(
		ctx, p, &all, "rbd", append([]string{"ls", "--long", "--format=json", atOnce}, at.args("")...)...,
	)
	return all, err
}

// Volumes implements backend.Backend. It reads the Ceph pool's directory, and opens no image.
func (b *Backend) Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return backend.List(func() ([]string, error) {
		all, err := b.names(ctx, p)
		all = slices.DeleteFunc(all, isTempName)
		slices.SortFunc(all, pooldef.CompareNames)
		return all, err
	}, func(name string) *pooldef.Volume { return summary(p, name) })
}

// Details implements backend.DetailLister. It queries the space that images occupy only if the definition
// requests it, because this takes twice as long.
func (b *Backend) Details(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	var used map[string]uint64
	return backend.List(func() ([]row, error) {
		all, err := b.rows(ctx, p)
		if err == nil {
			used, err = b.used(ctx, p, "")
		}
		all = slices.DeleteFunc(all, func(r row) bool { return r.Snapshot != "" || isTempName(r.Image) })
		slices.SortFunc(all, func(r, s row) int { return pooldef.CompareNames(r.Image, s.Image) })
		return all, err
	}, func(r row) *pooldef.Volume { return detailed(p, r, used) })
}

// Volume implements backend.Backend.
func (b *Backend) Volume(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	i, err := b.info(ctx, p, name)
	if err != nil {
		return nil, err
	}
	used, err := b.used(ctx, p, name)
	v := detailed(p, row{Image: name, Size: i.Size, Parent: i.Parent}, used)
	if i.ObjectSize != defaultObjectSize {
		v.Target.ClusterSize = i.ObjectSize
	}
	return v, mapErrNotFound(err, name)
}

// defaultObjectSize is the default size of an image's objects in bytes.
const defaultObjectSize = 4 << 20

// summary returns what is known of every image, in the form of libvirt's documents.
func summary(p *pooldef.Pool, name string) *pooldef.Volume {
	var none [3]uint32
	return &pooldef.Volume{
		Type: "network",
		Name: name,
		Key:  key(p, name),
		Target: pooldef.VolumeTarget{Path: path(p, name), Format: "unknown",
			Permissions: pooldef.Permissions{Mode: &none[0], Owner: &none[1], Group: &none[2]}},
	}
}

// detailed returns a volume with its sizes. used is the space that images occupy; if it is nil, the
// allocation is the whole size.
func detailed(p *pooldef.Pool, r row, used map[string]uint64) *pooldef.Volume {
	v := summary(p, r.Image)
	v.Capacity, v.Allocation = pooldef.Bytes(r.Size), pooldef.Bytes(r.Size)
	if used != nil {
		v.Allocation = pooldef.Bytes(used[r.Image])
	}
	v.Backing = r.Parent.backing()
	return v
}

// used returns the space that images occupy with their snapshots: of one image, or of all if name is empty.
// It returns nil if the definition does not request it.
func (b *Backend) used(ctx context.Context, p *pooldef.Pool, name string) (map[string]uint64, error) {
	if p.Refresh != "default" {
		return nil, nil
	}
	at, err := placeOf(p)
	if err != nil {
		return nil, err
	}
	args := append([]string{"du", "--format=json", atOnce}, at.args("")...)
	if name != "" {
		args = append(args, "--image="+name)
	}
	var answer struct {
		Images []struct {
			Name string
			Used uint64 `json:"used_size"`
		}
	}
	err = b.query(ctx, p, &answer, "rbd", args...)
	used := map[string]uint64{}
	for _, i := range answer.Images {
		if err == nil {
			err = backend.CheckSizes("rbd", "used_size", used[i.Name], i.Used)
		}
		used[i.Name] += i.Used
	}
	return used, err
}

// maxChain is the maximum number of origins in a chain.
const maxChain = 1 << 10

// Chain implements backend.BackingChainer. The chain of a clone has its origin, the origin's origin, ...
func (b *Backend) Chain(ctx context.Context, p *pooldef.Pool, name string) ([]*pooldef.Volume, error) {
	chain := []*pooldef.Volume{}
	i, err := b.info(ctx, p, name)
	for from := i.Parent; from != nil && err == nil; from = i.Parent {
		if len(chain) == maxChain {
			const field = "parent, the chain of which does not end"
			return nil, &backend.AnswerError{Tool: "rbd", Field: field, Text: from.Image}
		}
		i = info{}
		if err = b.queryImage(ctx, p, &i, "info", from.place(), from.Image); err != nil {
			break
		}
		v := &pooldef.Volume{
			Type:     "network",
			Name:     from.Image,
			Target:   *from.backing(),
			Capacity: pooldef.Bytes(i.Size),
		}
		chain = append(chain, v)
	}
	return chain, err
}
