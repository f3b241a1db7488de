package gluster

import (
	"context"
	"fmt"
	"iter"
	"path"
	"strings"

	"poolctl/backend"
	"poolctl/backend/filevol"
	"poolctl/pooldef"
)

// Volumes implements backend.Backend. If some bricks of the Gluster volume are offline, the listing ends with
// an error after the volumes that were found.
func (b *Backend) Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return b.list(ctx, p, filevol.Files.Volumes)
}

// Details implements backend.DetailLister.
func (b *Backend) Details(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return b.list(ctx, p, filevol.Files.Details)
}

func (b *Backend) list(ctx context.Context, p *pooldef.Pool,
	list func(filevol.Files, context.Context, *pooldef.Pool) iter.Seq2[*pooldef.Volume, error],
) iter.Seq2[*pooldef.Volume, error] {
	return func(yield func(*pooldef.Volume, error) bool) {
		v, err := b.openView(ctx, p)
		if err != nil {
			yield(nil, err)
			return
		}
		defer v.Close()
		for volume, err := range list(v.files, ctx, v.pool) {
			if !yield(v.toExternal(volume), v.translate(ctx, err)) || err != nil {
				return
			}
		}
		if err := v.checkComplete(ctx); err != nil {
			yield(nil, &backend.PartialError{Reason: err})
		}
	}
}

// Volume implements backend.Backend.
func (b *Backend) Volume(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	return withView(ctx, b, p, func(v *view) (*pooldef.Volume, error) {
		volume, err := v.lookUp(ctx, name)
		if err != nil {
			return nil, err
		}
		return v.toExternal(volume), nil
	})
}

// Export implements backend.Exporter.
func (b *Backend) Export(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	return withView(ctx, b, p, func(v *view) (*pooldef.Volume, error) { return v.lookUp(ctx, name) })
}

// ExternalPath implements backend.Exporter.
func (b *Backend) ExternalPath(ctx context.Context, p *pooldef.Pool, path string) string {
	outside, err := withView(ctx, b, p, func(v *view) (string, error) { return v.externalPath(path), nil })
	if err != nil {
		return path
	}
	return outside
}

func (v *view) lookUp(ctx context.Context, name string) (*pooldef.Volume, error) {
	if err := v.checkNotMeta(name); err != nil {
		return nil, err
	}
	return v.files.Volume(ctx, v.pool, name)
}

// meta is a directory in which the client exposes its state. Directory listings do not contain it.
const meta = ".meta"

// checkNotMeta refuses the name of the client's meta directory, which is not a volume.
func (v *view) checkNotMeta(name string) error {
	if v.dir == "/" && name == meta {
		return fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
	}
	return nil
}

// Chain implements backend.BackingChainer.
func (b *Backend) Chain(ctx context.Context, p *pooldef.Pool, name string) ([]*pooldef.Volume, error) {
	return withView(ctx, b, p, func(v *view) ([]*pooldef.Volume, error) {
		chain, err := v.files.Chain(ctx, v.pool, name)
		for _, image := range chain {
			if _, inside := strings.CutPrefix(image.Target.Path, v.Root+"/"); inside {
				v.toExternal(image)
			}
		}
		return chain, err
	})
}

// Locate implements backend.Locator.
func (b *Backend) Locate(_ context.Context, p *pooldef.Pool, key string) (string, bool) {
	s, err := sourceOf(p)
	if err != nil {
		return "", false
	}
	file, ok := s.file(key)
	dir, name := path.Split(file)
	return name, ok && name != "" && path.Clean(dir) == s.dir
}
