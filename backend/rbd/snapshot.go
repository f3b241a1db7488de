package rbd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"poolctl/backend"
	"poolctl/pooldef"
)

// A snapshot is what rbd snap ls tells of one.
type snapshot struct {
	Name      string
	Size      uint64
	Protected string // true: clones may be made of it
}

func (b *Backend) snapshots(ctx context.Context, p *pooldef.Pool, at place, name string) ([]snapshot, error) {
	var all snapshotList
	err := b.askOf(ctx, p, &all, "snap ls", at, name)
	return all, err
}

type snapshotList []snapshot

// check implements checker.
func (l *snapshotList) check() error {
	for _, s := range *l {
		if !isPlain(s.Name) {
			return &backend.AnswerError{Tool: "rbd", Field: "name of a snapshot", Text: s.Name}
		}
	}
	return nil
}

// A child is a clone.
type child struct {
	Pool      string
	Namespace string `json:"pool_namespace"`
	Image     string
}

func (c child) String() string { return place{c.Pool, c.Namespace}.image(c.Image) }

// children lists the clones of an image, or with an argument of one of its snapshots.
func (b *Backend) children(ctx context.Context, p *pooldef.Pool, at place, name string, snapshot ...string) ([]child, error) {
	var all []child
	err := b.askOf(ctx, p, &all, "children", at, name, snapshot...)
	return all, err
}

// cow makes an image that has its data from another until it is written to: a clone of a snapshot. As with libvirt, one that is as the
// image is now does for several clones.
func (b *Backend) cow(ctx context.Context, p *pooldef.Pool, at place, d *pooldef.Volume, from place, source string) error {
	var i info
	if err := b.askOf(ctx, p, &i, "info", from, source); err != nil {
		return err
	}
	if !slices.Contains(i.Features, "layering") {
		return &backend.StateError{Text: fmt.Sprintf("the image %q has not the feature layering, without which there are no clones of it", source),
			Hint: "--full makes a full copy"}
	}
	if d.Capacity.Known && d.Capacity.Bytes < i.Size {
		return pooldef.Problems{{Element: "capacity", Text: fmt.Sprintf("%d bytes are less than what is cloned, %d", d.Capacity.Bytes, i.Size)}}
	}
	clone := func(snapshot string) error {
		return b.withStaging(ctx, p, at, d.Name, func(stage string) error {
			args := slices.Concat([]string{"--snap=" + snapshot}, at.args("dest-"), []string{"--dest=" + stage}, objects(d))
			return b.enlarged(ctx, p, at, stage, d, i.Size, b.change(ctx, p, "clone", from, source, args...))
		})
	}
	base, err := b.base(ctx, p, from, source, i)
	if err != nil {
		return err
	}
	if base != "" {
		// It goes with its last clone, which may be deleted just now.
		if err := clone(base); err == nil || ctx.Err() != nil || !b.isGone(ctx, p, from, source, base) {
			return err
		}
	}
	return b.withBase(ctx, p, from, source, clone)
}

// base returns a snapshot that is as its image is now, and of which clones may be made; "" if there is none. It is the last, if any.
func (b *Backend) base(ctx context.Context, p *pooldef.Pool, at place, name string, i info) (string, error) {
	if i.Snapshots == 0 {
		return "", nil
	}
	all, err := b.snapshots(ctx, p, at, name)
	if err != nil || len(all) == 0 {
		return "", err
	}
	last := all[len(all)-1]
	if last.Protected != "true" || last.Size != i.Size {
		return "", nil
	}
	var different []struct{}
	err = b.askOf(ctx, p, &different, "diff", at, name, "--from-snap="+last.Name, "--whole-object")
	if len(different) > 0 {
		return "", err
	}
	return last.Name, err
}

// isGone tells whether there is no such snapshot any more, or none that clones may be made of.
func (b *Backend) isGone(ctx context.Context, p *pooldef.Pool, at place, name, base string) bool {
	all, err := b.snapshots(ctx, p, at, name)
	return err == nil && !slices.ContainsFunc(all, func(s snapshot) bool { return s.Name == base && s.Protected == "true" })
}

// withBase has a clone made of a new snapshot, which goes again if that fails.
func (b *Backend) withBase(ctx context.Context, p *pooldef.Pool, at place, name string, clone func(snapshot string) error) error {
	base := snapshotNames.New()
	defer snapshotNames.Release(base)
	err := b.change(ctx, p, "snap create", at, name, "--snap="+base, quiet)
	if err == nil {
		err = b.change(ctx, p, "snap protect", at, name, "--snap="+base)
	}
	if err == nil {
		err = clone(base)
	}
	if err != nil {
		err = errors.Join(err, b.dropBase(context.WithoutCancel(ctx), p, at, name, base))
	}
	return err
}

// dropBase removes a snapshot that may be there, unless somebody else has made a clone of it meanwhile.
func (b *Backend) dropBase(ctx context.Context, p *pooldef.Pool, at place, name, base string) error {
	all, err := b.snapshots(ctx, p, at, name)
	i := slices.IndexFunc(all, func(s snapshot) bool { return s.Name == base })
	if err != nil || i < 0 {
		return err
	}
	if clones, err := b.children(ctx, p, at, name, "--snap="+base); err != nil || len(clones) > 0 {
		return err
	}
	return b.removeSnapshot(ctx, p, at, name, all[i])
}

// removeSnapshot removes one that has no clones.
func (b *Backend) removeSnapshot(ctx context.Context, p *pooldef.Pool, at place, name string, s snapshot) error {
	if s.Protected == "true" {
		if err := b.change(ctx, p, "snap unprotect", at, name, "--snap="+s.Name); err != nil {
			return err
		}
	}
	return b.change(ctx, p, "snap rm", at, name, "--snap="+s.Name, quiet)
}
