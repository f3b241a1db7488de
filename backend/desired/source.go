package desired

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/driver"
	"poolctl/backend/fault"
	"poolctl/backend/fetch"
	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// make makes a volume from its definition, which it completes.
func (l *lentPool) make(ctx context.Context, declared *pooldef.DesiredVolume, v *pooldef.Volume) error {
	var o backend.CreateOptions
	if l.Progress != nil {
		progress, done := l.Progress()
		defer done()
		o.Progress = progress
	}
	if err := l.completeBacking(ctx, declared, v); err != nil {
		return err
	}
	switch s := declared.Source; {
	case s == nil:
		return l.Driver.CreateVolume(ctx, l.b, l.pool(), v, o)
	case s.URL != "":
		return l.fetch(ctx, v, s, o.Progress)
	case s.Volume != "":
		pool := s.Pool
		if pool == "" {
			pool = l.entry.Name
		}
		source, err := l.Driver.FindVolume(ctx, s.Volume, pool)
		if err != nil {
			return err
		}
		defer source.Unlock()
		return l.copy(ctx, v, source, o)
	default:
		return l.copyFile(ctx, v, s, o)
	}
}

// fetch makes a volume with the data of an image on a server.
func (l *lentPool) fetch(
	ctx context.Context, v *pooldef.Volume, s *pooldef.VolumeSource, progress host.Progress,
) (err error) {
	from := fetch.Source{URL: s.URL, Timeout: l.Driver.Timeout}
	from.Sum, _ = fetch.ParseSum(s.Sum) // without one, the document says so
	if from.Dir, err = l.CacheDir(); err != nil {
		return err
	}
	return l.Driver.Fetch(ctx, l.b, l.pool(), v, from, progress)
}

// copy makes a volume with the data of another one. A volume that is declared with a smaller capacity than
// its source's could never be as it is declared.
func (l *lentPool) copy(
	ctx context.Context, v *pooldef.Volume, source *driver.Volume, o backend.CreateOptions,
) error {
	if v.Capacity.Known && v.Capacity.Bytes < source.Capacity.Bytes {
		const text = "the capacity is less than the %d bytes of its source"
		return &backend.StateError{Text: fmt.Sprintf(text, source.Capacity.Bytes)}
	}
	l.Driver.FitCapacity(v, source)
	return l.Driver.CreateFrom(ctx, l.b, l.pool(), v, source, backend.CloneOptions{CreateOptions: o})
}

// completeBacking replaces the name of the backing volume by its path, and adds its format.
func (l *lentPool) completeBacking(
	ctx context.Context, declared *pooldef.DesiredVolume, v *pooldef.Volume,
) error {
	if v.Backing == nil || !namedVolume(declared.BackingPool, v.Backing.Path) {
		return nil
	}
	found, err := l.backingVolume(ctx, declared)
	if err != nil {
		return fmt.Errorf("backing volume: %w", err)
	}
	backing := *v.Backing
	if backing.Path = found.Target.Path; backing.Format == "" {
		backing.Format = found.Target.Format
	}
	v.Backing = &backing
	return nil
}

// backingVolume returns the volume that a declared one names as its backing file.
func (l *lentPool) backingVolume(
	ctx context.Context, declared *pooldef.DesiredVolume,
) (*pooldef.Volume, error) {
	if declared.BackingPool == "" || declared.BackingPool == l.entry.Name {
		return l.b.Volume(ctx, l.pool(), declared.Backing.Path)
	}
	v, err := l.Driver.FindVolume(ctx, declared.Backing.Path, declared.BackingPool)
	if err != nil {
		return nil, err
	}
	v.Unlock()
	return v.Volume, nil
}

// backingDifference returns the difference between the backing files of a volume, if both have one.
func (l *lentPool) backingDifference(v *pooldef.DesiredVolume, have *pooldef.Volume) *driver.Difference {
	if v.Backing == nil || have.Backing == nil {
		return nil
	}
	want := v.Backing.Path
	if namedVolume(v.BackingPool, want) {
		found, err := l.backingVolume(l.ctx, v)
		if err != nil { // the pool of the backing volume may not be active
			return nil
		}
		want = found.Target.Path
	}
	if l.Driver.Host.Canonical(want) == l.Driver.Host.Canonical(have.Backing.Path) {
		return nil
	}
	return &driver.Difference{Field: "backing", Have: have.Backing.Path, Want: want}
}

// A ChecksumError reports that a file is not the one that a definition means.
type ChecksumError struct {
	Path       string
	Algorithm  string
	Have, Want string // Have is empty if the file was changed later
}

func (e *ChecksumError) Error() string {
	if e.Have == "" {
		return fmt.Sprintf("%q was changed while it was read", e.Path)
	}
	return fmt.Sprintf("%q has the %s checksum %s, not %s", e.Path, e.Algorithm, e.Have, e.Want)
}

// Kind implements [fault.Error].
func (*ChecksumError) Kind() fault.Kind { return fault.Conflict }

// copyFile makes a volume with the data of a file, which is read like a volume of a dir pool. If the file is
// changed after its checksum was calculated, the volume is deleted again.
func (l *lentPool) copyFile(
	ctx context.Context, v *pooldef.Volume, s *pooldef.VolumeSource, o backend.CreateOptions,
) error {
	before, err := l.checkFile(ctx, s)
	if err != nil {
		return err
	}
	dir := &pooldef.Pool{Type: pooldef.Dir, Name: "source", Target: pooldef.Target{Path: filepath.Dir(s.File)}}
	b, err := l.Driver.Backend(dir.Type)
	if err != nil {
		return err
	}
	found, err := b.Volume(ctx, dir, filepath.Base(s.File))
	if errors.Is(err, backend.ErrNoVolume) {
		return fmt.Errorf("source: no file %q: %w", s.File, err)
	}
	if err != nil {
		return err
	}
	source := &driver.Volume{Volume: found, Entry: &store.Entry{Persistent: dir}, Backend: b}
	if err := l.copy(ctx, v, source, o); err != nil || before == nil {
		return err
	}
	after, err := l.Driver.Host.OpenPath(s.File)
	if err == nil {
		defer after.Close()
		if isUnchanged(before, &after.Stat_t) {
			return nil
		}
		err = &ChecksumError{Path: s.File}
	}
	made := &driver.Volume{Volume: v, Entry: l.entry, Backend: l.b}
	options := driver.DeleteOptions{InUse: true}
	if deleteErr := l.Driver.DeleteVolume(context.WithoutCancel(ctx), made, options); deleteErr != nil {
		return fmt.Errorf("%w; the new volume stays: %w", err, deleteErr)
	}
	return err
}

// isUnchanged reports whether two states of a file are of the same file with the same content. The kernel
// sets the time of the last change at each write (inode(7)).
func isUnchanged(a, b *unix.Stat_t) bool {
	return a.Dev == b.Dev && a.Ino == b.Ino && a.Size == b.Size && a.Ctim == b.Ctim
}

// checkFile returns a ChecksumError unless a file has the declared checksum. The result is the state of the
// file that was checked, or nil if none is declared.
func (l *lentPool) checkFile(ctx context.Context, s *pooldef.VolumeSource) (*unix.Stat_t, error) {
	want, isGiven := fetch.ParseSum(s.Sum)
	if !isGiven {
		return nil, nil
	}
	h, err := l.Driver.Host.OpenPath(s.File)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	state := h.Stat_t
	sum, err := checksum(ctx, h, host.NewHash(want.Algorithm))
	if err == nil && sum != want.Hex {
		err = &ChecksumError{s.File, want.Algorithm, sum, want.Hex}
	}
	return &state, err
}

// checksum returns the checksum of a file in hexadecimal digits.
func checksum(ctx context.Context, h *safeopen.Handle, sum hash.Hash) (string, error) {
	if !h.IsFile() {
		return "", &backend.StateError{Text: fmt.Sprintf("%q is not a file", h.Path)}
	}
	fd, err := h.Open()
	if err != nil {
		return "", err
	}
	f := os.NewFile(uintptr(fd), h.Path)
	defer f.Close()
	const piece = 8 << 20 // a signal is noticed after each piece
	for {
		n, err := io.CopyN(sum, f, piece)
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case n < piece && err == io.EOF: //nolint:errorlint // CopyN returns it as it is
			return hex.EncodeToString(sum.Sum(nil)), nil
		case err != nil:
			return "", err
		}
	}
}
