package rbd

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"poolctl/backend"
	"poolctl/pooldef"
)

// A row is what rbd ls -l tells of an image, or of a snapshot of one.
type row struct {
	Image     string
	Snapshot  string // empty: it is the image itself
	Protected string
	Size      uint64
	Parent    *origin // what an image is a clone of
}

// An origin is a snapshot that a clone has its data from, until it has its own.
type origin struct {
	Pool      string
	Namespace string `json:"pool_namespace"`
	Image     string
	Snapshot  string
}

func (o *origin) place() place { return place{o.Pool, o.Namespace} }

// check implements checker.
func (o *origin) check() error {
	if o == nil {
		return nil
	}
	isPlace := isPlain(o.Pool) && (o.Namespace == "" || isPlain(o.Namespace))
	if isPlace && isPlain(o.Image) && isPlain(o.Snapshot) {
		return nil
	}
	named := o.place().image(o.Image) + "@" + o.Snapshot
	return &backend.AnswerError{Tool: "rbd", Field: "parent", Text: named}
}

// backing is how it is shown.
func (o *origin) backing() *pooldef.VolumeTarget {
	if o == nil {
		return nil
	}
	return &pooldef.VolumeTarget{Path: scheme + o.place().image(o.Image) + "@" + o.Snapshot, Format: "raw"}
}

// info is what rbd info tells of one image.
type info struct {
	ID         string
	Size       uint64
	ObjectSize uint64 `json:"object_size"`
	Snapshots  int    `json:"snapshot_count"`
	Features   []string
	Parent     *origin
}

// check implements checker.
func (i *info) check() error {
	if i.Snapshots < 0 {
		return &backend.AnswerError{Tool: "rbd", Field: "snapshot_count", Text: fmt.Sprint(i.Snapshots)}
	}
	return errors.Join(backend.CheckSizes("rbd", "size", i.Size),
		backend.CheckSizes("rbd", "object_size", i.ObjectSize), i.Parent.check())
}

// info asks about a volume.
func (b *Backend) info(ctx context.Context, p *pooldef.Pool, name string) (i info, err error) {
	at, err := placeOf(p)
	if err == nil && checkName(name) != nil {
		err = noVolume(name)
	}
	if err == nil {
		err = b.askOf(ctx, p, &i, "info", at, name)
	}
	return i, err
}

// firstOf remembers names.
type firstOf map[string]bool

// first reports whether a name comes for the first time.
func (f firstOf) first(name string) bool {
	seen := f[name]
	f[name] = true
	return !seen
}

// names lists the names of all images, also of those that are being made, but for images that rbd(8) cannot be told of: they are no
// volumes. It leaves out repeated names: rbd reads the directory of the pool in parts, and lists an image twice that is renamed meanwhile.
func (b *Backend) names(ctx context.Context, p *pooldef.Pool) ([]string, error) {
	at, err := placeOf(p)
	if err != nil {
		return nil, err
	}
	var all []string
	err = b.ask(ctx, p, &all, "rbd", append([]string{"ls", "--format=json"}, at.args("")...)...)
	seen := firstOf{}
	return slices.DeleteFunc(all, func(name string) bool { return !isPlain(name) || !seen.first(name) }), err
}

// atOnce is how many images rbd looks at together.
const atOnce = "--rbd-concurrent-management-ops=32"

// A rowList is the output of rbd ls --long. check leaves out what names does.
type rowList []row

func (l *rowList) check() error {
	seen := firstOf{}
	*l = slices.DeleteFunc(*l, func(r row) bool {
		return !isPlain(r.Image) || r.Snapshot != "" && !isPlain(r.Snapshot) || !seen.first(r.Image+"@"+r.Snapshot)
	})
	for _, r := range *l {
		if err := errors.Join(backend.CheckSizes("rbd", "size", r.Size), r.Parent.check()); err != nil {
			return err
		}
	}
	return nil
}

// rows lists all images and snapshots with their sizes.
func (b *Backend) rows(ctx context.Context, p *pooldef.Pool) ([]row, error) {
	at, err := placeOf(p)
	if err != nil {
		return nil, err
	}
	var all rowList
	err = b.ask(ctx, p, &all, "rbd", append([]string{"ls", "--long", "--format=json", atOnce}, at.args("")...)...)
	return all, err
}

// Volumes implements backend.Backend: the directory of the pool is read, no image is opened.
func (b *Backend) Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return backend.List(func() ([]string, error) {
		all, err := b.names(ctx, p)
		all = slices.DeleteFunc(all, isStage)
		slices.SortFunc(all, pooldef.CompareNames)
		return all, err
	}, func(name string) *pooldef.Volume { return named(p, name) })
}

// Details implements backend.Detailer. What images occupy is asked for if the definition says so: that takes twice as long.
func (b *Backend) Details(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	var used map[string]uint64
	return backend.List(func() ([]row, error) {
		all, err := b.rows(ctx, p)
		if err == nil {
			used, err = b.used(ctx, p, "")
		}
		all = slices.DeleteFunc(all, func(r row) bool { return r.Snapshot != "" || isStage(r.Image) })
		slices.SortFunc(all, func(r, s row) int { return pooldef.CompareNames(r.Image, s.Image) })
		return all, err
	}, func(r row) *pooldef.Volume { return described(p, r, used) })
}

// Volume implements backend.Backend.
func (b *Backend) Volume(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	i, err := b.info(ctx, p, name)
	if err != nil {
		return nil, err
	}
	used, err := b.used(ctx, p, name)
	v := described(p, row{Image: name, Size: i.Size, Parent: i.Parent}, used)
	if i.ObjectSize != usualObject {
		v.Target.ClusterSize = i.ObjectSize
	}
	return v, missing(err, name)
}

// usualObject is how large the objects are that an image consists of, unless something else is said.
const usualObject = 4 << 20

// named is what is known of every image, in the words of libvirt's documents.
func named(p *pooldef.Pool, name string) *pooldef.Volume {
	var none [3]uint32
	return &pooldef.Volume{Type: "network", Name: name, Key: key(p, name), Target: pooldef.VolumeTarget{Path: path(p, name), Format: "unknown",
		Permissions: pooldef.Permissions{Mode: &none[0], Owner: &none[1], Group: &none[2]}}}
}

// described shows an image with its sizes. used is what images occupy; nil: that is not asked for, and their whole sizes count.
func described(p *pooldef.Pool, r row, used map[string]uint64) *pooldef.Volume {
	v := named(p, r.Image)
	v.Capacity, v.Allocation = pooldef.Bytes(r.Size), pooldef.Bytes(r.Size)
	if used != nil {
		v.Allocation = pooldef.Bytes(used[r.Image])
	}
	v.Backing = r.Parent.backing()
	return v
}

// used returns what images occupy with their snapshots, one or, without a name, all of them; nil if the definition does not ask for that.
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
	err = b.ask(ctx, p, &answer, "rbd", args...)
	used := map[string]uint64{}
	for _, i := range answer.Images {
		if err == nil {
			err = backend.CheckSizes("rbd", "used_size", used[i.Name], i.Used)
		}
		used[i.Name] += i.Used
	}
	return used, err
}

// longestChain is how many origins above each other are believed.
const longestChain = 1 << 10

// Chain implements backend.Chainer: a clone's origin, and what that is a clone of.
func (b *Backend) Chain(ctx context.Context, p *pooldef.Pool, name string) ([]*pooldef.Volume, error) {
	chain := []*pooldef.Volume{}
	i, err := b.info(ctx, p, name)
	for from := i.Parent; from != nil && err == nil; from = i.Parent {
		if len(chain) == longestChain {
			const field = "parent, the chain of which does not end"
			return nil, &backend.AnswerError{Tool: "rbd", Field: field, Text: from.Image}
		}
		i = info{}
		if err = b.askOf(ctx, p, &i, "info", from.place(), from.Image); err != nil {
			break
		}
		v := &pooldef.Volume{Type: "network", Name: from.Image, Target: *from.backing(), Capacity: pooldef.Bytes(i.Size)}
		chain = append(chain, v)
	}
	return chain, err
}
