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

// Volumes implements backend.Backend. If some of the volume's bricks are not there, it ends with that error, after all that could be found.
func (b *Backend) Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return b.list(ctx, p, filevol.Files.Volumes)
}

// Details implements backend.Detailer.
func (b *Backend) Details(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return b.list(ctx, p, filevol.Files.Details)
}

func (b *Backend) list(ctx context.Context, p *pooldef.Pool,
	list func(filevol.Files, context.Context, *pooldef.Pool) iter.Seq2[*pooldef.Volume, error]) iter.Seq2[*pooldef.Volume, error] {
	return func(yield func(*pooldef.Volume, error) bool) {
		v, err := b.open(ctx, p)
		if err != nil {
			yield(nil, err)
			return
		}
		defer v.Close()
		for volume, err := range list(v.files, ctx, v.pool) {
			if !yield(v.shown(volume), v.told(ctx, err)) || err != nil {
				return
			}
		}
		if err := v.part(ctx); err != nil {
			yield(nil, err)
		}
	}
}

// Volume implements backend.Backend.
func (b *Backend) Volume(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	return use(ctx, b, p, func(v *view) (*pooldef.Volume, error) {
		volume, err := v.look(ctx, name)
		if err != nil {
			return nil, err
		}
		return v.shown(volume), nil
	})
}

// Export implements backend.Lender.
func (b *Backend) Export(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	return use(ctx, b, p, func(v *view) (*pooldef.Volume, error) { return v.look(ctx, name) })
}

// Outside implements backend.Lender.
func (b *Backend) Outside(ctx context.Context, p *pooldef.Pool, path string) string {
	outside, err := use(ctx, b, p, func(v *view) (string, error) { return v.outside(path), nil })
	if err != nil {
		return path
	}
	return outside
}

func (v *view) look(ctx context.Context, name string) (*pooldef.Volume, error) {
	if err := v.exists(name); err != nil {
		return nil, err
	}
	return v.files.Volume(ctx, v.pool, name)
}

// meta is a directory in which the client tells of itself. No listing shows it.
const meta = ".meta"

// exists refuses the name of what is no volume, though there is a file.
func (v *view) exists(name string) error {
	if v.dir == "/" && name == meta {
		return fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
	}
	return nil
}

// Chain implements backend.Chainer.
func (b *Backend) Chain(ctx context.Context, p *pooldef.Pool, name string) ([]*pooldef.Volume, error) {
	return use(ctx, b, p, func(v *view) ([]*pooldef.Volume, error) {
		chain, err := v.files.Chain(ctx, v.pool, name)
		for _, image := range chain {
			if _, inside := strings.CutPrefix(image.Target.Path, v.Root+"/"); inside {
				v.shown(image)
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
