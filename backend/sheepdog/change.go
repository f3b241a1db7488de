package sheepdog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Create implements backend.Creator. As in libvirt, space is allocated when it is written to, unless the
// definition requests full allocation.
func (b *Backend) Create(
	ctx context.Context, p *pooldef.Pool, v *pooldef.Volume, o backend.CreateOptions,
) error {
	c, _, err := b.checkNameFree(ctx, p, v)
	if err != nil {
		return err
	}
	all, err := preallocates(v, o)
	if err != nil {
		return err
	}
	options, do := []string{"create"}, b.change
	if all {
		options, do = []string{"create", "-P"}, b.changeUnlimited
	}
	err = do(ctx, c, c.vdi(options, v.Name, strconv.FormatUint(v.Capacity.Bytes, 10)))
	if err != nil && !errors.Is(err, fs.ErrExist) {
		b.removeOurs(ctx, p, c, func(i *image) bool {
			return i.isNamed(v.Name) && i.size == v.Capacity.Bytes && (all || i.used+i.shared == 0)
		})
	}
	return err
}

// preallocates reports whether a new volume's space is to be allocated at once.
func preallocates(v *pooldef.Volume, o backend.CreateOptions) (bool, error) {
	switch o.Preallocation {
	case "":
		return v.Allocation.Known && v.Allocation.Bytes >= v.Capacity.Bytes && v.Capacity.Bytes > 0, nil
	case "off":
		return false, nil
	case "metadata":
		return false, pooldef.Problems{{Text: "a raw volume has no metadata to preallocate; use falloc"}}
	}
	return true, nil
}

// checkNameFree returns the cluster and its images, or an error if the defined volume cannot be created.
func (b *Backend) checkNameFree(
	ctx context.Context, p *pooldef.Pool, v *pooldef.Volume,
) (cluster, []*image, error) {
	c, err := clusterOf(p)
	if err == nil {
		err = checkDefinition(v)
	}
	if err != nil {
		return c, nil, err
	}
	all, err := b.all(ctx, p)
	if err == nil && named(all, v.Name) != nil {
		err = &backend.ExistsError{Path: scheme + v.Name}
	}
	return c, all, err
}

// maxName is the maximum length of a name in bytes. dog truncates longer names.
const maxName = 255

// checkDefinition returns an error if an image cannot have the requested properties.
func checkDefinition(v *pooldef.Volume) error {
	text := ""
	switch {
	case v.Name == "" || strings.Contains(v.Name, "\x00"):
		text = fmt.Sprintf("%q cannot be the name of an image", v.Name)
	case len(v.Name) > maxName:
		text = fmt.Sprintf("the name has %d bytes: Sheepdog's limit is %d", len(v.Name), maxName)
	case strings.Contains(v.Name, ":"):
		text = fmt.Sprintf("%q: a name after a colon means a snapshot", v.Name)
	case isTempName().MatchString(v.Name):
		text = fmt.Sprintf("%q: such names are reserved for volumes being created", v.Name)
	}
	switch {
	case text != "":
		return pooldef.Problems{{Element: "name", Text: text}}
	case v.Target.Encryption != nil:
		return &backend.UnsupportedError{Type: pooldef.Sheepdog, What: "encrypted volumes"}
	case v.Backing != nil:
		return &backend.UnsupportedError{
			Type: pooldef.Sheepdog,
			What: "volumes with a backing store; vol-clone clones a volume or its snapshot",
		}
	}
	return nil
}

// changeUnlimited runs a command without a timeout.
func (b *Backend) changeUnlimited(ctx context.Context, c cluster, step host.Step) error {
	return translateError(ctx, c, b.host.Change(ctx, step))
}

// removeOurs removes images that a failed command has created. No image for which isOurs returns true existed
// before.
func (b *Backend) removeOurs(ctx context.Context, p *pooldef.Pool, c cluster, isOurs func(*image) bool) {
	ctx = context.WithoutCancel(ctx)
	all, _ := b.all(ctx, p)
	for _, i := range all {
		if isOurs(i) {
			_ = b.change(ctx, c, c.delete(i))
		}
	}
}

// isNamed reports whether i is the current image (not a snapshot) with a name.
func (i *image) isNamed(name string) bool { return !i.snapshot && i.name == name }

// delete returns the command that removes an image.
func (c cluster) delete(i *image) host.Command {
	if i.snapshot {
		return c.vdi([]string{"delete", "-s", i.snapshotArg()}, i.name)
	}
	return c.vdi([]string{"delete"}, i.name)
}

// snapshotArg returns dog's argument for a snapshot: its number, because the tag may be empty. For a snapshot
// that was just created, only the tag is known.
func (i *image) snapshotArg() string {
	if i.id == 0 {
		return i.tag
	}
	return strconv.FormatUint(i.id, 10)
}

// Delete implements backend.Deleter. Snapshots of the volume do not depend on it, and stay.
func (b *Backend) Delete(ctx context.Context, p *pooldef.Pool, name string) error {
	i, err := b.find(ctx, p, name)
	if err != nil {
		return err
	}
	return b.deleteAll(ctx, p, []*image{i})
}

// DeleteWithSnapshots implements backend.SnapshotDeleter.
func (b *Backend) DeleteWithSnapshots(ctx context.Context, p *pooldef.Pool, name string) error {
	all, err := b.all(ctx, p)
	if err != nil {
		return err
	}
	i := named(all, name)
	if i == nil {
		return fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
	}
	var targets []*image
	for _, s := range all {
		if !i.snapshot && s.snapshot && s.name == i.name && !isTempName().MatchString(s.tag) {
			targets = append(targets, s)
		}
	}
	return b.deleteAll(ctx, p, append(targets, i))
}

// deleteAll removes images.
func (b *Backend) deleteAll(ctx context.Context, p *pooldef.Pool, targets []*image) error {
	c, err := clusterOf(p)
	if err != nil {
		return err
	}
	for _, i := range targets {
		gone := func(ctx context.Context) error {
			left, err := b.all(ctx, p)
			if err == nil && slices.ContainsFunc(left, i.isSame) {
				err = &backend.StateError{
					Text: fmt.Sprintf("dog reported success, but %q still exists", i.volumeName()),
				}
			}
			return err
		}
		if err := b.changeUnlimited(ctx, c, host.Checked{Command: c.delete(i), Check: gone}); err != nil {
			return err
		}
	}
	return nil
}

// isSame reports whether two results of different listings are the same image.
func (i *image) isSame(j *image) bool {
	return i.name == j.name && i.snapshot == j.snapshot && i.id == j.id
}

// Resize implements backend.Resizer. dog cannot shrink images.
func (b *Backend) Resize(
	ctx context.Context, p *pooldef.Pool, name string, size uint64, o backend.ResizeOptions,
) error {
	i, err := b.find(ctx, p, name)
	if err != nil {
		return err
	}
	c, err := clusterOf(p)
	switch {
	case err != nil:
		return err
	case size == i.size && !o.Allocate: // dog does not round sizes
		return nil
	case i.snapshot:
		return snapshotError(i)
	case size < i.size:
		return &backend.UnsupportedError{Type: p.Type, What: "shrinking volumes"}
	case o.Allocate:
		return &backend.UnsupportedError{Type: p.Type, What: "allocating an existing volume"}
	}
	is := func(ctx context.Context) error {
		i, err := b.find(ctx, p, name)
		if err == nil && i.size != size {
			err = &backend.StateError{Text: fmt.Sprintf("dog reported success, but %q has %d bytes", name, i.size)}
		}
		return err
	}
	err = b.change(
		ctx, c, host.Checked{Command: c.vdi([]string{"resize"}, name, strconv.FormatUint(size, 10)), Check: is},
	)
	if err != nil && is(context.WithoutCancel(ctx)) == nil {
		return nil // a resize cannot be undone, and this one has succeeded
	}
	return err
}

// snapshotError returns the error for an attempt to change a snapshot.
func snapshotError(i *image) error {
	return &backend.StateError{
		Text: fmt.Sprintf("%q is a snapshot, and cannot be changed", i.volumeName()),
		Hint: "vol-clone creates a volume from it",
	}
}
