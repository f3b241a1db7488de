package driver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/pooldef"
)

// addOverlays adds the images of active pools that name other volumes as their backing file or data file.
func (l *look) addOverlays(ctx context.Context, reads func(*pooldef.Pool) bool) {
	type listing struct {
		images []*pooldef.Volume
		err    error
	}
	isWanted := isReference
	if l.listed != nil {
		isWanted = func(*pooldef.Volume) bool { return true }
	}
	for i, in := range InParallel(l.pools, func(s Status) listing {
		if known, isListed := l.listed[s.Entry.Name]; isListed {
			return listing{known, nil}
		}
		images, err := l.d.imagesOf(ctx, s, reads, isWanted)
		return listing{images, err}
	}) {
		name := l.pools[i].Entry.Name
		if in.err != nil {
			l.hidden = append(l.hidden, fmt.Errorf("look for overlays in pool %q: %w", name, in.err))
		}
		if l.listed != nil && (in.err != nil || in.images != nil) {
			l.listed[name] = in.images
		}
		for _, image := range in.images {
			if isReference(image) {
				l.addImage(ctx, image)
			}
		}
	}
}

// isReference reports whether an image names other volumes, or has a header that cannot be read.
func isReference(image *pooldef.Volume) bool {
	return image.Backing != nil || image.Target.DataFile != "" || image.Err != nil
}

// volumes returns the volumes of an active pool, as addOverlays has listed them if it has.
func (l *look) volumes(ctx context.Context, s Status) (volumes []*pooldef.Volume) {
	if volumes, known := l.listed[s.Entry.Name]; known {
		return volumes
	}
	for v, err := range l.d.Backends[s.Pool.Type].Volumes(ctx, s.Pool) {
		if err != nil {
			l.hidden = append(l.hidden, fmt.Errorf("list volumes of pool %q: %w", s.Entry.Name, err))
			break
		}
		volumes = append(volumes, v)
	}
	return volumes
}

// addImage adds an image as the user of its backing file and of its data file.
func (l *look) addImage(ctx context.Context, image *pooldef.Volume) {
	if image.Err != nil && image.Type != "block" {
		l.hidden = append(l.hidden, fmt.Errorf("volume %q: %w", image.Name, image.Err))
	}
	u := User{Kind: OverlayUser, Name: image.Target.Path, As: "backing file"}
	if isRaw(image) { // the storage itself knows the origin of a snapshot, and by no name
		u.Kind, u.As = SnapshotUser, "origin"
	}
	if image.Backing != nil {
		u.format = image.Backing.Format
		l.add(ctx, imageOfSnapshot(image.Backing.Path), u)
	}
	if file := image.Target.DataFile; file != "" {
		u.As = "data file"
		l.add(ctx, file, u)
	}
}

// imageOfSnapshot returns the image of the snapshot that a clone in Ceph depends on
// (rbd:POOL/IMAGE@SNAPSHOT), and any other path unchanged.
func imageOfSnapshot(path string) string {
	if strings.HasPrefix(path, "rbd:") {
		path, _, _ = strings.Cut(path, "@")
	}
	return path
}

// isRaw reports whether a volume has no header that could name another one.
func isRaw(v *pooldef.Volume) bool {
	return slices.Contains([]string{"", "raw", "unknown"}, v.Target.Format)
}

// imagesOf returns the images of an active pool for which isWanted is true, if reads is true for the pool.
func (d *Driver) imagesOf(
	ctx context.Context, s Status, reads func(*pooldef.Pool) bool, isWanted func(*pooldef.Volume) bool,
) ([]*pooldef.Volume, error) {
	b, ok := d.Backends[s.Pool.Type]
	if _, locates := b.(backend.Locator); !ok || !locates || !s.Active || !reads(s.Pool) {
		return nil, nil
	}
	return ask(ctx, d, s.Pool, func() (images []*pooldef.Volume, err error) {
		for image, err := range d.Details(ctx, b, s.Pool) {
			if err != nil {
				return images, err
			}
			if isWanted(image) {
				images = append(images, image)
			}
		}
		return images, nil
	})
}
