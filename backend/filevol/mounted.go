package filevol

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Mounted manages the files of pools whose start mounts a source at the target directory. A pool is active
// when its source is mounted there, by whatever program. Finding that out does not access the mounted file
// system, because its server may be gone.
type Mounted struct {
	Files
	// IsSource reports whether a mount is of the pool's source, by whatever name.
	IsSource func(ctx context.Context, p *pooldef.Pool, m *host.Mount) (bool, error)
}

// Active implements backend.Backend.
func (b *Mounted) Active(ctx context.Context, p *pooldef.Pool) (bool, error) {
	m, err := b.mount(ctx, p)
	if _, ok := errors.AsType[*backend.BusyError](err); ok {
		return false, nil
	}
	return m != nil, err
}

// Dependencies implements backend.Dependent.
func (*Mounted) Dependencies(p *pooldef.Pool) backend.Dependencies {
	return backend.Dependencies{Paths: []string{filepath.Dir(p.Target.Path)}, Mount: p.Target.Path}
}

// mount returns the mount of the pool's source at the target directory, or nil if nothing is mounted there.
// If another source is mounted there, the error is a backend.BusyError.
func (b *Mounted) mount(ctx context.Context, p *pooldef.Pool) (*host.Mount, error) {
	m, err := b.Host.MountAt(p.Target.Path)
	if m == nil || err != nil {
		return nil, err
	}
	is, err := b.IsSource(ctx, p, m)
	switch {
	case err != nil:
		return nil, err
	case !is:
		return nil, &backend.BusyError{Path: p.Target.Path,
			Users: []string{fmt.Sprintf("%q is mounted there", m.Source)}}
	}
	return m, nil
}

// CheckNotMounted returns a backend.BusyError if something is mounted at the pool's directory.
func (b *Mounted) CheckNotMounted(ctx context.Context, p *pooldef.Pool) error {
	m, err := b.mount(ctx, p)
	if m != nil {
		err = &backend.BusyError{Path: p.Target.Path,
			Users: []string{fmt.Sprintf("%q is mounted there", m.Source)}}
	}
	return err
}

// Space implements backend.Backend.
func (b *Mounted) Space(ctx context.Context, p *pooldef.Pool) (pooldef.Space, error) {
	m, err := b.mount(ctx, p)
	if err == nil && m == nil {
		if _, err = b.stat(p, p.Target.Path); err == nil {
			err = &backend.NotReadyError{Pool: p.Name, Path: p.Target.Path, Start: true}
		}
	}
	if err != nil {
		return pooldef.Space{}, b.notBuilt(p, err)
	}
	return b.Files.Space(ctx, p)
}

// Mount mounts the pool's source with mount(8), like MountBy. inputs are files that the options refer to.
func (b *Mounted) Mount(ctx context.Context, p *pooldef.Pool, source, format string, options []string,
	inputs ...host.Input) error {
	return b.MountBy(ctx, p, mountCommand(p, source, format, options, inputs))
}

// MountBy mounts the pool's source with a command, unless the source is already mounted. If the command fails
// but has mounted something, MountBy unmounts it.
func (b *Mounted) MountBy(ctx context.Context, p *pooldef.Pool, mount host.Command) error {
	if m, err := b.mount(ctx, p); m != nil || err != nil {
		return errors.Join(err, ctx.Err())
	}
	if info, err := b.stat(p, p.Target.Path); err != nil {
		return b.notBuilt(p, err)
	} else if !info.IsDir() {
		return fmt.Errorf("%q is not a directory", p.Target.Path)
	}
	if err := b.Host.CheckGuarded(p.Target.Path); err != nil { // mount(8) looks up the path again
		return err
	}
	err := b.Host.Change(ctx, mount)
	if err != nil {
		if m, _ := b.mount(context.WithoutCancel(ctx), p); m != nil {
			_ = b.Host.Change(context.WithoutCancel(ctx), unmount(m))
		}
	}
	return err
}

// notBuilt converts the error that the pool's directory is missing into a backend.NotReadyError.
func (b *Mounted) notBuilt(p *pooldef.Pool, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &backend.NotReadyError{Pool: p.Name, Path: p.Target.Path, Build: true}
	}
	return err
}

// mountCommand returns the command that mounts as libvirt does on Linux: without devices, set-ID bits and
// programs, unless the definition's own options, which come last, permit them.
func mountCommand(p *pooldef.Pool, source, format string, options []string,
	inputs []host.Input) host.Command {
	var args []string
	if format != "" {
		args = append(args, "-t", format)
	}
	all := slices.Concat([]string{"nodev", "nosuid", "noexec"}, options, p.MountOptions)
	c := host.Cmd("mount", append(args, "-o", strings.Join(all, ","), "--", source,
		filepath.Clean(p.Target.Path))...)
	c.Inputs = inputs
	return c
}

// unmount returns the command that unmounts m. It uses the path as the kernel reports it: resolving the path
// could block on a server that is gone.
func unmount(m *host.Mount) host.Command {
	return host.Cmd("umount", "--no-canonicalize", "--", m.Target)
}

// Stop implements backend.Starter. It never unmounts by force: while the mount is in use, the error is a
// backend.BusyError that names the users.
func (b *Mounted) Stop(ctx context.Context, p *pooldef.Pool) error {
	m, err := b.mount(ctx, p)
	if m == nil || err != nil {
		return errors.Join(err, ctx.Err())
	}
	err = b.Host.Change(ctx, unmount(m))
	if exit, ok := errors.AsType[*host.ExitError](err); ok && strings.Contains(exit.Stderr, "busy") {
		users, _ := b.Host.MountUsers(m)
		return &backend.BusyError{Path: p.Target.Path, Users: users}
	}
	return err
}

// DeletePool implements backend.PoolDeleter. It removes the directory, which must be empty and have nothing
// mounted on it.
func (b *Mounted) DeletePool(ctx context.Context, p *pooldef.Pool) error {
	if err := b.CheckNotMounted(ctx, p); err != nil {
		return err
	}
	return b.removeDir(ctx, p)
}
