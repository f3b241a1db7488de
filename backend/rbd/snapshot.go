package rbd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"poolctl/backend"
	"poolctl/pooldef"
)

// A snapshot is a snapshot as rbd snap ls reports it.
type snapshot struct {
	Name      string
	Size      uint64
	Protected string // "true" if it can be cloned
	Timestamp string // local time, in the form of ctime(3)
}

func (b *Backend) snapshots(ctx context.Context, p *pooldef.Pool, at place, name string) ([]snapshot, error) {
	var all snapshotList
	err := b.queryImage(ctx, p, &all, "snap ls", at, name)
	return all, err
}

func namesOf(all []snapshot) (names []string) {
	for _, s := range all {
		names = append(names, s.Name)
	}
	return names
}

type snapshotList []snapshot

// check implements checker.
func (l *snapshotList) check() error {
	for _, s := range *l {
		if !isSnapshotName(s.Name) {
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

// children lists the clones of an image, or of the snapshot that an option names.
func (b *Backend) children(
	ctx context.Context, p *pooldef.Pool, at place, name string, snapshot ...string,
) ([]child, error) {
	var all []child
	err := b.queryImage(ctx, p, &all, "children", at, name, snapshot...)
	return all, err
}

// cloneShared creates a copy-on-write clone of an image. As in libvirt, clones share a snapshot if the image
// has not changed since.
func (b *Backend) cloneShared(
	ctx context.Context, p *pooldef.Pool, at place, d *pooldef.Volume, from place, source string,
) error {
	i, err := b.infoToClone(ctx, p, from, source)
	if err != nil {
		return err
	}
	if err := backend.CheckNotSmaller(d, i.Size, "source"); err != nil {
		return err
	}
	clone := func(base string) error {
		return b.cloneProtected(ctx, p, at, d, from, source, snapshot{Name: base, Size: i.Size})
	}
	base, err := b.reusableBase(ctx, p, from, source, i)
	if err != nil {
		return err
	}
	if base != "" {
		// The snapshot is removed with its last clone, which another process may be deleting.
		if err := clone(base); err == nil || ctx.Err() != nil || !b.isGone(ctx, p, from, source, base) {
			return err
		}
	}
	return b.withBase(ctx, p, from, source, clone)
}

// infoToClone queries an image whose snapshots are to be cloned.
func (b *Backend) infoToClone(
	ctx context.Context, p *pooldef.Pool, at place, name string,
) (i info, err error) {
	err = b.queryImage(ctx, p, &i, "info", at, name)
	if err == nil && !slices.Contains(i.Features, "layering") {
		err = &backend.StateError{
			Text: fmt.Sprintf("the image %q does not have the feature layering, which clones need", name),
			Hint: "--full creates a full copy",
		}
	}
	return i, err
}

// cloneProtected creates a copy-on-write clone of a protected snapshot.
func (b *Backend) cloneProtected(
	ctx context.Context, p *pooldef.Pool, at place, d *pooldef.Volume, from place, source string, s snapshot,
) error {
	return b.withStaging(ctx, p, at, d.Name, func(temp string) error {
		args := slices.Concat(
			[]string{"--snap=" + s.Name}, at.args("dest-"), []string{"--dest=" + temp}, objectSizeOption(d),
		)
		return b.enlarge(ctx, p, at, temp, d, s.Size, b.change(ctx, p, "clone", from, source, args...))
	})
}

// reusableBase returns the last snapshot of an image if it can be cloned and equals the image's current
// state, or "".
func (b *Backend) reusableBase(
	ctx context.Context, p *pooldef.Pool, at place, name string, i info,
) (string, error) {
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
	err = b.queryImage(ctx, p, &different, "diff", at, name, "--from-snap="+last.Name, "--whole-object")
	if len(different) > 0 {
		return "", err
	}
	return last.Name, err
}

// isGone reports whether a snapshot no longer exists or can no longer be cloned.
func (b *Backend) isGone(ctx context.Context, p *pooldef.Pool, at place, name, base string) bool {
	all, err := b.snapshots(ctx, p, at, name)
	return err == nil && !slices.ContainsFunc(
		all, func(s snapshot) bool { return s.Name == base && s.Protected == "true" },
	)
}

// withBase calls clone with a new snapshot. If clone fails, withBase removes the snapshot.
func (b *Backend) withBase(
	ctx context.Context, p *pooldef.Pool, at place, name string, clone func(snapshot string) error,
) error {
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
		err = errors.Join(err, b.removeBase(context.WithoutCancel(ctx), p, at, name, base))
	}
	return err
}

// removeBase removes a snapshot if it exists, unless another process has cloned it.
func (b *Backend) removeBase(ctx context.Context, p *pooldef.Pool, at place, name, base string) error {
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

// removeSnapshot removes a snapshot without clones.
func (b *Backend) removeSnapshot(
	ctx context.Context, p *pooldef.Pool, at place, name string, s snapshot,
) error {
	if s.Protected == "true" {
		if err := b.change(ctx, p, "snap unprotect", at, name, "--snap="+s.Name); err != nil {
			return err
		}
	}
	return b.change(ctx, p, "snap rm", at, name, "--snap="+s.Name, quiet)
}
