package filevol

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// Convert implements backend.Converter: the new file is created in a staging directory, compared, and renamed
// over the volume, which is held meanwhile. It gets the volume's permissions, and no backing file.
func (f Files) Convert(ctx context.Context, p *pooldef.Pool, name string, o backend.ConvertOptions) error {
	dir, v, err := f.openData(ctx, p, name, "converting")
	if err != nil {
		return err
	}
	defer dir.Close()
	if v.Err != nil {
		return v.Err
	}
	d := convertedFrom(v, o)
	if err := checkConversion(p, v, d, o); err != nil {
		return err
	}
	h, err := dir.OpenPath(name)
	if err != nil {
		return err
	}
	held, err := holdToConvert(h, p, v)
	if err != nil {
		h.Close()
		return err
	}
	defer held.Release()
	from, err := qemuimg.OpenHandle(f.Secrets, v, h, o.MayRead)
	if err != nil {
		return err
	}
	defer from.Close()
	if err := from.CheckUnwritten(); err != nil {
		return err
	}
	if err := keepCipher(d, from, o); err != nil {
		return err
	}
	key, err := qemuimg.NewKey(f.Secrets, d)
	if err != nil {
		return err
	}
	d.Target.NoCOW = held.NoCOW()
	return f.convertHeld(ctx, dir, d, from, key, held, o)
}

// convertedFrom defines the volume that a volume is converted to.
func convertedFrom(v *pooldef.Volume, o backend.ConvertOptions) *pooldef.Volume {
	d := completeFrom(v, v)
	d.Allocation = pooldef.Bytes(0)
	t := &d.Target
	switch {
	case o.Decrypt:
		t.Encryption = nil
	case o.Encrypt != nil:
		t.Encryption = &pooldef.Encryption{Format: "luks", Secrets: []pooldef.SecretRef{*o.Encrypt}}
	}
	t.Format = cmp.Or(o.Format, v.Target.Format)
	t.ClusterSize = cmp.Or(o.ClusterSize, v.Target.ClusterSize)
	if t.Format != v.Target.Format || t.Format != "qcow2" {
		t.Compat, t.Features, t.LazyRefcounts, t.ExtendedL2, t.ClusterSize = "", false, false, false, o.ClusterSize
	}
	return d
}

// keepCipher lets an encrypted volume that stays encrypted keep its cipher, unless the options change its
// encryption.
func keepCipher(d *pooldef.Volume, from *qemuimg.Image, o backend.ConvertOptions) error {
	if d.Target.Encryption == nil || o.Encrypt != nil {
		return nil
	}
	same := *d.Target.Encryption
	var err error
	same.Cipher, same.IVGen, err = from.Cipher()
	d.Target.Encryption = &same
	return err
}

// checkConversion checks whether a volume can be converted to d.
func checkConversion(p *pooldef.Pool, v, d *pooldef.Volume, o backend.ConvertOptions) error {
	if v.Target.ExternalData {
		return &backend.ExternalDataError{Path: v.Target.Path}
	}
	if err := checkImage(p, d, backend.CreateOptions{}, false); err != nil {
		return err
	}
	if o.ClusterSize != 0 && d.Target.Format != "qcow2" {
		return pooldef.Problems{{Element: "target/clusterSize",
			Text: fmt.Sprintf("%s images have no cluster size to choose; qcow2 images have", d.Target.Format)}}
	}
	if o.Compress {
		return qemuimg.CheckCompress(d)
	}
	return nil
}

// holdToConvert holds a volume that is to be replaced by another file. It refuses what would be lost then:
// links, other names of the file, and snapshots.
func holdToConvert(h *safeopen.Handle, p *pooldef.Pool, v *pooldef.Volume) (*host.Hold, error) {
	switch {
	case h.IsLink():
		return nil, &backend.UnsupportedError{Type: p.Type, What: "converting symbolic links"}
	case !h.IsFile():
		return nil, &backend.UnsupportedError{Type: p.Type, What: "converting devices"}
	case h.Nlink > 1:
		return nil, &backend.StateError{Text: "it has other names (hard links), which would keep the old file"}
	}
	held, err := host.NewHold(h)
	if err != nil {
		return nil, err
	}
	const hint = "poolctl vol-snapshot-clone makes a volume of one, and vol-snapshot-delete deletes it"
	if err := checkNoSnapshots(h, v, hint); err != nil {
		held.Release()
		return nil, err
	}
	return held, nil
}

// convertHeld replaces a volume by its conversion, which key opens.
func (f Files) convertHeld(
	ctx context.Context, dir *host.Dir, d *pooldef.Volume, from *qemuimg.Image, key *qemuimg.Key,
	held *host.Hold, o backend.ConvertOptions,
) error {
	err := f.inStaging(ctx, dir, d.Name, func(stage *host.Stage, path string) error {
		to := qemuimg.Made(path, d.Target.Format, key)
		to.Compress = o.Compress
		how := backend.CloneOptions{}
		how.Progress = o.Progress
		steps := append(conversionSteps(from, to, d, how), finishSteps(path, d)...)
		if err := f.changeEach(ctx, steps); err != nil {
			return err
		}
		if err := f.labelVolume(ctx, path, dir, d); err != nil {
			return err
		}
		if err := qemuimg.CompareImages(ctx, f.Host, to, from, o.Progress); err != nil {
			return err
		}
		if err := from.Whole(); err != nil {
			return err
		}
		return f.replace(ctx, stage, path, dir, d.Name, held)
	})
	if errors.Is(err, errStageInUse) {
		return &host.InUseError{Path: from.Path}
	}
	return err
}

// replace renames a file in a staging directory over a held volume. If the step reports an error although it
// happened, as it may over a network, it is undone.
func (f Files) replace(
	ctx context.Context, stage *host.Stage, path string, dir *host.Dir, name string, held *host.Hold,
) error {
	old, made, volume := dir.Inode(name), stage.Inode(name), filepath.Join(dir.Path, name)
	err := f.Host.Change(ctx, host.Replace{Old: path, New: volume, Held: held})
	if err != nil && made != (host.Inode{}) && dir.Inode(name) == made && stage.Inode(name) == old {
		_ = f.Host.Change(context.WithoutCancel(ctx), host.Replace{Old: path, New: volume})
	}
	return err
}
