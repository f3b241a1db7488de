package host

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"
)

// Trace prints queries and changes to W before the wrapped host executes them.
type Trace struct {
	Host
	W io.Writer
}

// Query implements Host.
func (t Trace) Query(ctx context.Context, c Command) ([]byte, error) {
	fmt.Fprintln(t.W, "?", c.Shell())
	return t.Host.Query(ctx, c)
}

// Change implements Host.
func (t Trace) Change(ctx context.Context, s Step) error {
	fmt.Fprintln(t.W, "+", s.Shell())
	return t.Host.Change(ctx, s)
}

// MountPrivate implements Host.
func (t Trace) MountPrivate(
	ctx context.Context, c Command, at string, limit time.Duration,
) (*PrivateMount, error) {
	fmt.Fprintln(t.W, "?", c.Shell(), "&")
	return t.Host.MountPrivate(ctx, c, at, limit)
}

// ReadOnly refuses all changes.
type ReadOnly struct{ Host }

// Change implements Host. Its error wraps fs.ErrPermission.
func (ReadOnly) Change(context.Context, Step) error {
	return fmt.Errorf("changes are not allowed (--readonly): %w", fs.ErrPermission)
}

// DryRun prints equivalent shell commands for changes to W, and changes nothing. Directories that would have
// been created exist for Stat.
type DryRun struct {
	Host
	W    io.Writer
	dirs map[string]fs.FileMode
}

// NewDryRun returns a dry run of h.
func NewDryRun(h Host, w io.Writer) *DryRun {
	return &DryRun{Host: h, W: w, dirs: map[string]fs.FileMode{}}
}

// Change implements Host.
func (d *DryRun) Change(ctx context.Context, s Step) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	fmt.Fprintln(d.W, s.Shell())
	switch s := s.(type) {
	case Mkdir:
		d.dirs[filepath.Clean(s.Path)] = s.Mode
	case Rmdir:
		delete(d.dirs, filepath.Clean(s.Path))
	}
	return nil
}

// Stat implements Files.
func (d *DryRun) Stat(path string) (fs.FileInfo, error) {
	if mode, planned := d.dirs[filepath.Clean(path)]; planned {
		return plannedDir{path, mode}, nil
	}
	return d.Host.Stat(path)
}

// CheckGuarded implements Files. Other users could not change directories that would have been created.
func (d *DryRun) CheckGuarded(path string) error {
	path = filepath.Clean(path)
	for _, planned := d.dirs[path]; planned; _, planned = d.dirs[path] {
		path = filepath.Dir(path)
	}
	return d.Host.CheckGuarded(path)
}

// A plannedDir is a directory that a dry run would have created.
type plannedDir struct {
	path string
	mode fs.FileMode
}

func (p plannedDir) Name() string       { return filepath.Base(p.path) }
func (p plannedDir) Size() int64        { return 0 }
func (p plannedDir) Mode() fs.FileMode  { return fs.ModeDir | p.mode }
func (p plannedDir) ModTime() time.Time { return time.Time{} }
func (p plannedDir) IsDir() bool        { return true }
func (p plannedDir) Sys() any           { return nil }
