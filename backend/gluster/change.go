package gluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Create implements backend.Creator.
func (b *Backend) Create(ctx context.Context, p *pooldef.Pool, d *pooldef.Volume,
	o backend.CreateOptions) error {
	return b.changeView(ctx, p, func(v *view) error {
		seen, err := v.localDefinition(d)
		if err != nil {
			return err
		}
		return v.files.Create(ctx, v.pool, seen, o)
	})
}

// Trim implements backend.Trimmer.
func (b *Backend) Trim(ctx context.Context, p *pooldef.Pool, name string, progress host.Progress) error {
	return b.changeView(ctx, p, func(v *view) error { return v.files.Trim(ctx, v.pool, name, progress) })
}

// CheckImage implements backend.ImageChecker.
func (b *Backend) CheckImage(
	ctx context.Context, p *pooldef.Pool, name, repair string,
) (backend.Damage, error) {
	return withView(ctx, b, p, func(v *view) (backend.Damage, error) {
		return v.files.CheckImage(ctx, v.pool, name, repair)
	})
}

// localDefinition converts the definition of a new volume to local paths. A backing file in the same Gluster
// volume is named relative to the new volume, so that every client finds it, wherever the Gluster volume is
// mounted.
func (v *view) localDefinition(d *pooldef.Volume) (*pooldef.Volume, error) {
	if err := v.checkName(d.Name); err != nil {
		return nil, err
	}
	if d.Backing == nil || !strings.Contains(d.Backing.Path, "://") {
		return d, nil
	}
	file, ok := v.file(d.Backing.Path)
	if !ok {
		return nil, &backend.UnsupportedError{Type: pooldef.Gluster,
			What: "backing stores on other servers"}
	}
	relative, err := filepath.Rel(v.dir, file)
	if err != nil {
		return nil, err
	}
	seen, backing := *d, *d.Backing
	backing.Path = relative
	seen.Backing = &backing
	return &seen, nil
}

// checkName refuses a name that no volume can have.
func (v *view) checkName(name string) error {
	if v.checkNotMeta(name) != nil {
		return pooldef.Problems{{Element: "name",
			Text: fmt.Sprintf("%q is a directory of the Gluster client", name)}}
	}
	return nil
}

// Clone implements backend.Cloner.
func (b *Backend) Clone(ctx context.Context, p *pooldef.Pool, d, source *pooldef.Volume,
	o backend.CloneOptions) error {
	return b.changeView(ctx, p, func(v *view) error {
		if err := v.checkName(d.Name); err != nil {
			return err
		}
		return v.files.Clone(ctx, v.pool, d, source, o)
	})
}

// Delete implements backend.Deleter.
func (b *Backend) Delete(ctx context.Context, p *pooldef.Pool, name string) error {
	return b.changeVolume(ctx, p, name, func(v *view) error { return v.files.Delete(ctx, v.pool, name) })
}

// Rename implements backend.Renamer.
func (b *Backend) Rename(ctx context.Context, p *pooldef.Pool, name, newName string) error {
	return b.changeVolume(ctx, p, name, func(v *view) error {
		return v.files.Rename(ctx, v.pool, name, newName)
	})
}

// Resize implements backend.Resizer.
func (b *Backend) Resize(ctx context.Context, p *pooldef.Pool, name string, size uint64,
	o backend.ResizeOptions) error {
	return b.changeVolume(ctx, p, name, func(v *view) error {
		return v.files.Resize(ctx, v.pool, name, size, o)
	})
}

// Convert implements backend.Converter.
func (b *Backend) Convert(ctx context.Context, p *pooldef.Pool, name string, o backend.ConvertOptions) error {
	return b.changeVolume(ctx, p, name, func(v *view) error { return v.files.Convert(ctx, v.pool, name, o) })
}

// Wipe implements backend.Wiper.
func (b *Backend) Wipe(ctx context.Context, p *pooldef.Pool, name, algorithm string,
	progress host.Progress) error {
	return b.changeVolume(ctx, p, name, func(v *view) error {
		return v.files.Wipe(ctx, v.pool, name, algorithm, progress)
	})
}

// Upload implements backend.Uploader.
func (b *Backend) Upload(ctx context.Context, p *pooldef.Pool, name string, from *os.File,
	t backend.Transfer) error {
	return b.changeVolume(ctx, p, name, func(v *view) error {
		return v.files.Upload(ctx, v.pool, name, from, t)
	})
}

// Download implements backend.Downloader.
func (b *Backend) Download(ctx context.Context, p *pooldef.Pool, name string, to *os.File,
	t backend.Transfer) error {
	return b.changeVolume(ctx, p, name, func(v *view) error {
		return v.files.Download(ctx, v.pool, name, to, t)
	})
}

// changeVolume calls do for an existing volume.
func (b *Backend) changeVolume(ctx context.Context, p *pooldef.Pool, name string,
	do func(v *view) error) error {
	return b.changeView(ctx, p, func(v *view) error {
		if err := v.checkNotMeta(name); err != nil {
			return err
		}
		return do(v)
	})
}

// RemoveStale implements backend.StaleRemover.
func (b *Backend) RemoveStale(ctx context.Context, p *pooldef.Pool) ([]string, error) {
	return b.externalPaths(ctx, p, func(v *view) ([]string, error) { return v.files.RemoveStale(ctx, v.pool) })
}

// externalPaths returns the paths that query returns, as users know them.
func (b *Backend) externalPaths(
	ctx context.Context, p *pooldef.Pool, query func(v *view) ([]string, error),
) ([]string, error) {
	return withView(ctx, b, p, func(v *view) ([]string, error) {
		paths, err := query(v)
		for i := range paths {
			paths[i] = v.externalPath(paths[i])
		}
		return paths, err
	})
}
