package filevol

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/shell"
	"poolctl/backend/image"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// Snapshots implements backend.Snapshotter with the internal snapshots of qcow2 images. Volumes of other
// formats have none.
func (f Files) Snapshots(ctx context.Context, p *pooldef.Pool, volume string) ([]*pooldef.Snapshot, error) {
	dir, err := f.openPoolDir(p)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names := []string{volume}
	if volume != "" {
		_, err = lookUp(ctx, dir, p, volume)
	} else {
		names, err = volumeNames(ctx, dir)
	}
	if err != nil {
		return nil, err
	}
	lists := make([][]*pooldef.Snapshot, len(names))
	var group sync.WaitGroup
	for w := range min(workers, len(names)) {
		group.Go(func() {
			for i := w; i < len(names); i += workers {
				lists[i] = snapshotsOf(dir, names[i])
			}
		})
	}
	group.Wait()
	all := slices.Concat(lists...)
	if volume != "" && len(all) == 1 && all[0].Err != nil {
		return nil, all[0].Err
	}
	return all, ctx.Err()
}

func volumeNames(ctx context.Context, dir *host.Dir) ([]string, error) {
	entries, err := volumeEntries(ctx, dir)
	entries = sorted(entries)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name
	}
	return names, err
}

// snapshotsOf returns the snapshots of a volume. If they cannot be read, the only one has the reason.
func snapshotsOf(dir *host.Dir, volume string) (all []*pooldef.Snapshot) {
	found, err := readSnapshots(dir, volume)
	if err != nil && !isNotFound(err) {
		return []*pooldef.Snapshot{{Volume: volume, Err: err}}
	}
	for _, s := range found {
		one := &pooldef.Snapshot{Volume: volume, Name: s.Name, Created: s.Created}
		if s.Capacity > 0 {
			one.Capacity = pooldef.Bytes(s.Capacity)
		}
		all = append(all, one)
	}
	return all
}

func readSnapshots(dir *host.Dir, volume string) ([]image.Snapshot, error) {
	h, err := dir.OpenPath(volume)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	if !h.IsFile() {
		return nil, nil
	}
	fd, err := h.Open()
	if err != nil {
		return nil, err
	}
	defer fd.Close()
	found, err := image.Snapshots(fd, h.Size)
	if err != nil {
		err = fmt.Errorf("%q: %w", h.Path, err)
	}
	return found, err
}

// CreateSnapshot implements backend.Snapshotter. The image must not be in use, also if o.InUse is set: qemu
// would overwrite the changed metadata.
func (f Files) CreateSnapshot(
	ctx context.Context, p *pooldef.Pool, volume, name string, o backend.SnapshotOptions,
) error {
	if text := qemuimg.CheckSnapshotName(name); text != "" {
		return pooldef.Problems{{Element: "name", Text: text}}
	}
	if err := o.CheckNoSpace(p); err != nil {
		return err
	}
	err := f.changeSnapshots(ctx, p, volume, func(i *qemuimg.Image) error {
		_, err := i.FindSnapshot(name)
		if !errors.Is(err, backend.ErrNoSnapshot) {
			return cmp.Or(err, error(&backend.SnapshotExistsError{Volume: volume, Name: name}))
		}
		if err = f.change(ctx, qemuimg.CreateSnapshot(i, name)); err == nil {
			return nil
		}
		if made, findErr := i.FindSnapshot(name); findErr == nil {
			err = errors.Join(err, f.change(context.WithoutCancel(ctx), qemuimg.DeleteSnapshot(i, made)))
		}
		return err
	})
	if o.InUse && errors.As(err, new(*host.InUseError)) {
		return fmt.Errorf("--in-use does not apply to snapshots inside an image: %w", err)
	}
	return err
}

// DeleteSnapshot implements backend.Snapshotter.
func (f Files) DeleteSnapshot(ctx context.Context, p *pooldef.Pool, volume, name string) error {
	return f.changeSnapshots(ctx, p, volume, func(i *qemuimg.Image) error {
		s, err := i.FindSnapshot(name)
		if err != nil {
			return err
		}
		return f.change(ctx, qemuimg.DeleteSnapshot(i, s))
	})
}

// RevertToSnapshot implements backend.Reverter. The image keeps all its snapshots.
func (f Files) RevertToSnapshot(
	ctx context.Context, p *pooldef.Pool, volume, name string, _ backend.RevertOptions,
) error {
	return f.changeSnapshots(ctx, p, volume, func(i *qemuimg.Image) error {
		s, err := i.FindSnapshot(name)
		if err != nil {
			return err
		}
		return f.change(ctx, qemuimg.RevertToSnapshot(i, s))
	})
}

// change runs a command of qemu-img, which writes its changes to the disk before it exits.
func (f Files) change(ctx context.Context, c host.Command) error {
	return f.changeEach(ctx, []host.Step{c})
}

// changeSnapshots calls change with the image of a volume that can have snapshots.
func (f Files) changeSnapshots(
	ctx context.Context, p *pooldef.Pool, volume string, change func(i *qemuimg.Image) error,
) error {
	dir, v, err := f.openData(ctx, p, volume, "snapshots of")
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := cmp.Or(v.Err, checkKeepsSnapshots(p, v)); err != nil {
		return err
	}
	open := func(h *safeopen.Handle) (*qemuimg.Image, error) { return qemuimg.OpenToSnapshot(f.Secrets, v, h) }
	return withImage(dir, volume, open, change)
}

// checkKeepsSnapshots returns an error for a volume whose format has no internal snapshots.
func checkKeepsSnapshots(p *pooldef.Pool, v *pooldef.Volume) error {
	if v.Target.Format == "qcow2" {
		return nil
	}
	return &qemuimg.UnsupportedError{
		Text: v.Target.Format + " volumes cannot have snapshots; qcow2 volumes can",
		Hint: fmt.Sprintf(
			"poolctl vol-clone %s NEWNAME %s copies it, and shares the blocks where the file system can",
			shell.Quote(v.Name), shell.Quote(p.Name),
		),
	}
}

// CloneSnapshot implements backend.SnapshotCloner. The new volume has its own copy of the data.
func (f Files) CloneSnapshot(
	ctx context.Context, p *pooldef.Pool, d, source *pooldef.Volume, name string, o backend.CloneOptions,
) error {
	dir, err := f.openForNew(p, d.Name)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := checkKeepsSnapshots(p, source); err != nil {
		return err
	}
	if o.Reflink {
		return &host.ReflinkError{Path: source.Target.Path, Err: errors.New("a snapshot has to be converted")}
	}
	o.InUse = false // qemu may be changing the table of snapshots
	err = f.convert(ctx, dir, p, completeFrom(d, source), source, name, o)
	if busy, ok := errors.AsType[*host.InUseError](err); ok {
		busy.Reading = false
	}
	return err
}

// checkNoSnapshots returns an error that names the internal snapshots of a qcow2 image, which would be lost.
func checkNoSnapshots(h *safeopen.Handle, v *pooldef.Volume, hint string) error {
	if v.Target.Format != "qcow2" {
		return nil
	}
	fd, err := h.Open()
	if err != nil {
		return err
	}
	defer fd.Close()
	snapshots, err := image.Snapshots(fd, h.Size)
	if err != nil || len(snapshots) == 0 {
		return err
	}
	var names []string
	for _, s := range snapshots {
		names = append(names, s.Name)
	}
	return &backend.StateError{
		Text: fmt.Sprintf("its snapshots would be lost: %s", strings.Join(names, ", ")),
		Hint: hint,
	}
}
