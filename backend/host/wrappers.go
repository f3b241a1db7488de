package host

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Trace prints queries and changes to a writer before the wrapped host executes them.
type Trace struct{ *printer }

// NewTrace returns a trace of h.
func NewTrace(h Host, w io.Writer) Trace { return Trace{&printer{Host: h, w: w}} }

// Query implements Host.
func (t Trace) Query(ctx context.Context, c Command) ([]byte, error) {
	t.print("? ", c)
	return t.Host.Query(ctx, c)
}

// Change implements Host.
func (t Trace) Change(ctx context.Context, s Step) error {
	t.print("+ ", s)
	return t.Host.Change(ctx, s)
}

// MountPrivate implements Host.
func (t Trace) MountPrivate(ctx context.Context, c Client) (*PrivateMount, error) {
	shown := c.Command
	shown.Args = slices.Clone(c.Args)
	for i, arg := range shown.Args {
		if arg == c.At {
			shown.Args[i] = c.Shown
		}
	}
	fmt.Fprintln(t.w, "?", shown.Shell(), "&")
	return t.printer.MountPrivate(ctx, c)
}

// A printer prints shell commands. In these, a private mount has the path that its Client
// says: its root is a path that only this process has.
type printer struct {
	Host
	w io.Writer

	mu     sync.Mutex
	mounts []*PrivateMount
}

func (p *printer) print(mark string, s interface{ Shell() string }) {
	text := s.Shell()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.mounts {
		text = strings.ReplaceAll(text, m.Root, m.Shown)
	}
	fmt.Fprintln(p.w, mark+text)
}

// MountPrivate implements Host.
func (p *printer) MountPrivate(ctx context.Context, c Client) (*PrivateMount, error) {
	m, err := p.Host.MountPrivate(ctx, c)
	if err == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !slices.Contains(p.mounts, m) {
			p.mounts = append(p.mounts, m)
		}
	}
	return m, err
}

// ReadOnly refuses all changes.
type ReadOnly struct{ Host }

// Change implements Host. Its error wraps fs.ErrPermission.
func (ReadOnly) Change(context.Context, Step) error {
	return fmt.Errorf("changes are not allowed (--readonly): %w", fs.ErrPermission)
}

// DryRun prints equivalent shell commands for changes to a writer, and changes nothing. Directories that
// would have been created exist for Stat.
type DryRun struct {
	printer
	dirs map[string]fs.FileMode
}

// NewDryRun returns a dry run of h.
func NewDryRun(h Host, w io.Writer) *DryRun {
	return &DryRun{printer: printer{Host: h, w: w}, dirs: map[string]fs.FileMode{}}
}

// Change implements Host.
func (d *DryRun) Change(ctx context.Context, s Step) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.print("", s)
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
