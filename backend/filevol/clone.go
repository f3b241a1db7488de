package filevol

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// Clone implements backend.Cloner: by copying the file if the result is the same, otherwise by converting
// with qemu-img.
func (f Files) Clone(ctx context.Context, p *pooldef.Pool, d, source *pooldef.Volume,
	o backend.CloneOptions) error {
	dir, err := f.openForNew(p, d.Name)
	if err != nil {
		return err
	}
	defer dir.Close()
	switch {
	case source.Type != "file" && source.Type != "block" && o.Fill == nil:
		return &backend.UnsupportedError{Type: p.Type, What: "copying volumes of type " + source.Type}
	case d.Target.Format == "dir":
		return pooldef.Problems{{Element: "target/format", Text: "a directory cannot be created from a volume"}}
	case d.Backing != nil && (source.Backing == nil || d.Backing.Path != source.Backing.Path):
		return pooldef.Problems{{Element: "backingStore",
			Text: "a copy of a volume has no backing store"}}
	}
	if err := backend.CheckNotSmaller(d, source.Capacity.Bytes, "source"); err != nil {
		return err
	}
	wanted := completeFrom(d, source)
	switch {
	case o.Fill != nil && !o.Reflink:
		return f.cloneByFill(ctx, dir, p, wanted, o)
	case o.Fill == nil && isSameFile(wanted, source, o):
		return f.copyFile(ctx, dir, wanted, source, o)
	case o.Reflink:
		return &host.ReflinkError{Path: source.Target.Path, Err: errors.New("the volume has to be converted")}
	}
	return f.convert(ctx, dir, p, wanted, source, "", o)
}

// cloneByFill creates a volume with the data that o.Fill or o.FillImage writes.
func (f Files) cloneByFill(
	ctx context.Context, dir *host.Dir, p *pooldef.Pool, d *pooldef.Volume, o backend.CloneOptions,
) error {
	isRaw := qemuimg.IsRaw(d.Target.Format)
	switch {
	case d.Target.Encryption != nil, !isRaw && o.FillImage == nil:
		return &backend.UnsupportedError{
			Type: p.Type, What: "copying volumes of servers into images; vol-convert makes one of a raw volume",
		}
	case !isRaw:
		return f.cloneIntoImage(ctx, dir, p, d, o)
	}
	if err := checkRaw(d, o.CreateOptions); err != nil {
		return err
	}
	file := rawFile("", d, o.CreateOptions)
	return f.withStaging(ctx, dir, d, func(path string) error {
		file.Path = path
		if err := f.Host.Change(ctx, file); err != nil {
			return err
		}
		if err := o.Fill(ctx, path); err != nil {
			return err
		}
		return f.Host.Change(ctx, host.Sync{Path: path})
	})
}

// cloneIntoImage creates an image with the data that o.FillImage writes.
func (f Files) cloneIntoImage(
	ctx context.Context, dir *host.Dir, p *pooldef.Pool, d *pooldef.Volume, o backend.CloneOptions,
) error {
	if err := checkImage(p, d, o.CreateOptions, false); err != nil {
		return err
	}
	return f.withStaging(ctx, dir, d, func(path string) error {
		create := qemuimg.Create(
			d, filepath.Dir(path), d.Capacity.Bytes, qemuimg.Image{}, nil, o.Preallocation,
		)
		if err := f.Host.Change(ctx, create); err != nil {
			return err
		}
		if err := o.FillImage(ctx, path, d.Target.Format); err != nil {
			return err
		}
		return f.changeEach(ctx, finishSteps(path, d))
	})
}

// completeFrom returns d with capacity and encryption taken from the source where d leaves them open.
func completeFrom(d, source *pooldef.Volume) *pooldef.Volume {
	wanted := *d
	wanted.Backing = nil
	if !d.Capacity.Known {
		wanted.Capacity = source.Capacity
	}
	if e := d.Target.Encryption; e != nil && len(e.Secrets) == 0 && source.Target.Encryption != nil {
		same := *e
		same.Secrets = append(same.Secrets, qemuimg.SecretOf(source))
		wanted.Target.Encryption = &same
	}
	return &wanted
}

// formatOf returns a volume's format. A device is raw, whatever its pool reports.
func formatOf(v *pooldef.Volume) string {
	if v.Type == "block" {
		return "raw"
	}
	return cmp.Or(v.Target.Format, "raw")
}

// isSameFile reports whether a copy of the source's file is the wanted volume.
func isSameFile(d, source *pooldef.Volume, o backend.CloneOptions) bool {
	raw := qemuimg.IsRaw(d.Target.Format) && qemuimg.IsRaw(formatOf(source))
	if raw && d.Target.Encryption == nil && source.Target.Encryption == nil {
		return true
	}
	return (raw || d.Target.Format == "qcow2" && formatOf(source) == "qcow2") &&
		!o.InUse && (o.Preallocation == "" || o.Preallocation == "off") &&
		d.Capacity == source.Capacity && source.Backing == nil && !source.Target.ExternalData &&
		hasOptions(source.Target, d.Target) && hasKey(source, d)
}

// hasOptions reports whether an image has the options of a definition.
func hasOptions(is, wanted pooldef.VolumeTarget) bool {
	return (wanted.Compat == "" || wanted.Compat == is.Compat) &&
		(wanted.ClusterSize == 0 || wanted.ClusterSize == is.ClusterSize) &&
		(!wanted.Features || wanted.LazyRefcounts == is.LazyRefcounts && wanted.ExtendedL2 == is.ExtendedL2)
}

// hasKey reports whether an image is encrypted as in a definition, with the same secret.
func hasKey(source, d *pooldef.Volume) bool {
	is, wanted := source.Target.Encryption, d.Target.Encryption
	if is == nil || wanted == nil {
		return is == nil && wanted == nil
	}
	if wanted.Format != is.Format || wanted.Cipher != nil || wanted.IVGen != nil || len(wanted.Secrets) != 1 {
		return false
	}
	key, wantedKey := qemuimg.SecretOf(source), wanted.Secrets[0]
	return key.UUID == wantedKey.UUID && key.Usage == wantedKey.Usage
}

// copyFile creates a volume as a copy of the source's file. A raw volume may be larger than the source.
func (f Files) copyFile(ctx context.Context, dir *host.Dir, d, source *pooldef.Volume,
	o backend.CloneOptions) error {
	file := rawFile("", d, o.CreateOptions)
	switch {
	case !qemuimg.IsRaw(d.Target.Format), d.Target.Encryption != nil:
		file.Size, file.Allocate, file.Zeros = 0, 0, false // as long as the source
	default:
		if err := checkRaw(d, o.CreateOptions); err != nil {
			return err
		}
	}
	file.From = &host.Source{Path: source.Target.Path, Reflink: o.Reflink, InUse: o.InUse}
	return f.withStaging(ctx, dir, d, func(path string) error {
		file.Path = path
		if err := f.Host.Change(ctx, file); err != nil || qemuimg.IsRaw(d.Target.Format) {
			return err
		}
		return f.checkCopy(path, source)
	})
}

// checkCopy checks that the copy of an image is what was inspected before the copy. The image's owner may
// have replaced it since, for example by an overlay.
func (f Files) checkCopy(path string, source *pooldef.Volume) error {
	h, err := f.Host.OpenPath(path)
	if errors.Is(err, fs.ErrNotExist) { // a dry run
		return nil
	}
	if err != nil {
		return err
	}
	defer h.Close()
	copied := &pooldef.Volume{Target: pooldef.VolumeTarget{Path: path}}
	if err := inspectFile(copied, h); err != nil {
		return err
	}
	if copied.Target.Format != source.Target.Format || copied.Backing != nil || copied.Target.ExternalData {
		return fmt.Errorf("%q changed while it was copied", source.Target.Path)
	}
	return nil
}

// convert creates a volume with the data that a guest sees in the source, or has seen in its snapshot, unless
// snapshot is empty.
func (f Files) convert(ctx context.Context, dir *host.Dir, p *pooldef.Pool, d, source *pooldef.Volume,
	snapshot string, o backend.CloneOptions) error {
	if err := checkImage(p, d, o.CreateOptions, false); err != nil {
		return err
	}
	from, err := qemuimg.Open(f.Secrets, source, o.MayRead)
	if err != nil {
		return err
	}
	defer from.Close()
	from.InUse = o.InUse
	if snapshot != "" {
		if err := cmp.Or(from.CheckUnwritten(), from.ReadSnapshot(snapshot)); err != nil {
			return err
		}
		d.Capacity.Bytes = max(d.Capacity.Bytes, from.Capacity)
	}
	key, err := qemuimg.NewKey(f.Secrets, d)
	if err != nil {
		return err
	}
	return f.withStaging(ctx, dir, d, func(path string) error {
		to := qemuimg.Made(path, d.Target.Format, key)
		if err := f.changeEach(ctx, append(conversionSteps(from, to, d, o),
			finishSteps(path, d)...)); err != nil {
			return err
		}
		return from.Whole()
	})
}

// conversionSteps returns the steps that create an image with the data of another.
func conversionSteps(from, to *qemuimg.Image, d *pooldef.Volume, o backend.CloneOptions) []host.Step {
	dir, larger := filepath.Dir(to.Path), d.Capacity.Bytes > from.Capacity
	isFixed := larger && !qemuimg.CanGrow(to.Format)
	if from.Key != nil || to.Key != nil || isFixed {
		to.Blank = isFixed
		return []host.Step{
			qemuimg.Create(d, dir, d.Capacity.Bytes, qemuimg.Image{}, to.Key, o.Preallocation),
			qemuimg.Into(from, to, o.Progress),
		}
	}
	steps := []host.Step{qemuimg.Convert(from, to, d, o.Preallocation, o.Progress)}
	switch {
	case qemuimg.IsRaw(to.Format):
		if room := rawAllocation(d, o.CreateOptions) >= d.Capacity.Bytes; larger || room {
			steps = append(steps, host.Resize{Path: to.Path, Size: d.Capacity.Bytes, Allocate: room})
		}
	case larger:
		size := qemuimg.Rounded(to.Format, d.Capacity.Bytes)
		steps = append(steps, qemuimg.Resize(to, size, false, o.Preallocation))
	}
	return steps
}
