package filevol

import (
	"context"
	"os"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// Upload implements backend.Uploader. A raw volume keeps its size. Any other image, if uploaded from its
// first byte on, is replaced: its file grows or is truncated to the uploaded size.
func (f Files) Upload(ctx context.Context, p *pooldef.Pool, name string, from *os.File,
	t backend.Transfer) error {
	dir, v, err := f.openData(ctx, p, name, "uploading into")
	if err != nil {
		return err
	}
	defer dir.Close()
	if v.Target.ExternalData {
		return &backend.ExternalDataError{Path: v.Target.Path}
	}
	whole := !qemuimg.IsRaw(v.Target.Format) && t.Offset == 0 && t.Length == 0
	return f.Host.Change(ctx, t.In(v.Target.Path, from, whole))
}

// Download implements backend.Downloader. It returns the bytes of the file, whatever the format.
func (f Files) Download(ctx context.Context, p *pooldef.Pool, name string, to *os.File,
	t backend.Transfer) error {
	dir, v, err := f.openData(ctx, p, name, "downloading")
	if err != nil {
		return err
	}
	defer dir.Close()
	if v.Target.ExternalData {
		return &backend.ExternalDataError{Path: v.Target.Path}
	}
	return f.Host.Change(ctx, t.Out(v.Target.Path, to))
}

// Wipe implements backend.Wiper. It wipes the whole file, including an image's header.
func (f Files) Wipe(ctx context.Context, p *pooldef.Pool, name, algorithm string,
	progress host.Progress) error {
	dir, v, err := f.openData(ctx, p, name, "wiping")
	if err != nil {
		return err
	}
	defer dir.Close()
	if v.Target.ExternalData {
		return &backend.ExternalDataError{Path: v.Target.Path}
	}
	step := host.Wipe(v.Target.Path, algorithm, progress)
	if step == nil {
		return &backend.UnsupportedError{Type: p.Type, What: "wiping by " + algorithm}
	}
	return f.Host.Change(ctx, step)
}

// Trim implements backend.Trimmer. It makes the zeros in a file holes, whatever the format.
func (f Files) Trim(ctx context.Context, p *pooldef.Pool, name string, progress host.Progress) error {
	dir, v, err := f.openData(ctx, p, name, "trimming")
	if err != nil {
		return err
	}
	defer dir.Close()
	if v.Target.ExternalData {
		return &backend.ExternalDataError{Path: v.Target.Path}
	}
	return f.Host.Change(ctx, host.DigHoles{Path: v.Target.Path, Progress: progress})
}

// openData returns a volume that is a file or device, and the pool's directory, which the caller closes.
func (f Files) openData(
	ctx context.Context, p *pooldef.Pool, name, doing string,
) (*host.Dir, *pooldef.Volume, error) {
	dir, err := f.openPoolDir(p)
	if err != nil {
		return nil, nil, err
	}
	v, err := f.volume(ctx, dir, p, name)
	if err == nil && v.Type != "file" {
		err = &backend.UnsupportedError{Type: p.Type, What: doing + " volumes of type " + v.Type}
	}
	if err != nil {
		dir.Close()
	}
	return dir, v, err
}
