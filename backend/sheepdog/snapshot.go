package sheepdog

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"poolctl/backend"
	"poolctl/pooldef"
)

// Snapshots implements backend.Snapshotter. The name of a snapshot is its tag, or its number if the tag is
// empty.
func (b *Backend) Snapshots(
	ctx context.Context, p *pooldef.Pool, volume string,
) ([]*pooldef.Snapshot, error) {
	all, err := b.all(ctx, p)
	if err != nil {
		return nil, err
	}
	if volume != "" && named(all, volume) == nil {
		return nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, volume)
	}
	var found []*pooldef.Snapshot
	for _, i := range all {
		if i.snapshot && i.isVolume() && (volume == "" || i.name == volume) {
			found = append(found, &pooldef.Snapshot{
				Volume: i.name, Name: i.snapshotName(), Created: i.created,
				Capacity: pooldef.Bytes(i.size), Allocation: pooldef.Bytes(i.used),
			})
		}
	}
	return found, nil
}

// snapshotName returns the name of a snapshot in its volume.
func (i *image) snapshotName() string {
	if i.tag == "" {
		return strconv.FormatUint(i.id, 10)
	}
	return i.tag
}

// findSnapshot returns a snapshot of a volume, and the volume. If only the snapshot does not exist, it
// returns the volume with the error.
func (b *Backend) findSnapshot(
	ctx context.Context, p *pooldef.Pool, volume, name string,
) (of, s *image, err error) {
	all, err := b.all(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	if of = named(all, volume); of == nil {
		return nil, nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, volume)
	}
	i := slices.IndexFunc(all, func(i *image) bool {
		return i.snapshot && i.isVolume() && i.name == volume && i.snapshotName() == name
	})
	if i < 0 {
		return of, nil, backend.NoSnapshot(volume, name)
	}
	return of, all[i], nil
}

// CreateSnapshot implements backend.Snapshotter. dog does not report whether a guest uses a volume, so
// CreateSnapshot cannot check that.
func (b *Backend) CreateSnapshot(
	ctx context.Context, p *pooldef.Pool, volume, name string, o backend.SnapshotOptions,
) error {
	i, _, err := b.findSnapshot(ctx, p, volume, name)
	if err := backend.CheckSnapshotNew(err, volume, name); err != nil {
		return err
	}
	if strings.Trim(name, "0123456789") == "" || strings.Contains(name, ":") || isTempName().MatchString(name) {
		return pooldef.Problems{{
			Element: "name", Text: fmt.Sprintf("%q cannot be the name of a snapshot in Sheepdog", name),
		}}
	}
	err = o.CheckNoSpace(p)
	if err == nil && i.snapshot {
		err = snapshotError(i)
	}
	if err != nil {
		return err
	}
	c, err := clusterOf(p)
	if err != nil {
		return err
	}
	err = b.change(ctx, c, c.vdi([]string{"snapshot", "-s", name}, volume))
	if err != nil {
		b.removeOurs(ctx, p, c, func(i *image) bool { return i.snapshot && i.name == volume && i.tag == name })
	}
	return err
}

// DeleteSnapshot implements backend.Snapshotter. Clones of the snapshot do not depend on it.
func (b *Backend) DeleteSnapshot(ctx context.Context, p *pooldef.Pool, volume, name string) error {
	_, s, err := b.findSnapshot(ctx, p, volume, name)
	if err != nil {
		return err
	}
	return b.deleteAll(ctx, p, []*image{s})
}

// CloneSnapshot implements backend.SnapshotCloner: a snapshot is a volume that can be cloned.
func (b *Backend) CloneSnapshot(
	ctx context.Context, p *pooldef.Pool, v, source *pooldef.Volume, name string, o backend.CloneOptions,
) error {
	_, s, err := b.findSnapshot(ctx, p, source.Name, name)
	if err != nil {
		return err
	}
	return b.Clone(ctx, p, v, s.volume(p), o)
}
