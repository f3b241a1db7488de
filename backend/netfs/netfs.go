// Package netfs manages pools that are a directory of a server, by NFS, SMB (cifs) or GlusterFS, which is mounted when the pool is
// started.
package netfs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"strings"
	"time"

	"poolctl/backend"
	"poolctl/backend/filevol"
	"poolctl/backend/glusterd"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Backend manages pools of type netfs.
type Backend struct {
	filevol.Mounted
	timeout time.Duration
}

// New returns the backend. A server may take as long as timeout to answer; mount.nfs itself would try for two minutes (nfs(5), retry).
func New(h host.Host, s backend.Secrets, timeout time.Duration) *Backend {
	b := &Backend{Mounted: filevol.Mounted{Files: filevol.Files{Host: h, Secrets: s, Mounts: true}}, timeout: timeout}
	b.IsSource = b.isSource
	return b
}

// Active implements backend.Backend. That the server does not answer is an error, before anything waits for it for ever.
func (b *Backend) Active(ctx context.Context, p *pooldef.Pool) (bool, error) {
	active, err := b.Mounted.Active(ctx, p)
	if active && err == nil {
		err = b.answers(ctx, p)
	}
	return active && err == nil, err
}

// answers returns nil if the server of a mounted pool does. It is another process that asks, because only that can be ended when there
// is no answer, and what waits for one keeps the pool from being unmounted.
func (b *Backend) answers(ctx context.Context, p *pooldef.Pool) error {
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	_, err := b.Host.Query(limited, host.Cmd("stat", "--file-system", "--format=%T", "--", p.Target.Path))
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return &backend.SilentError{Text: fmt.Sprintf("the server of what is mounted at %q does not answer", p.Target.Path)}
	}
	return err
}

// Space implements backend.Backend.
func (b *Backend) Space(ctx context.Context, p *pooldef.Pool) (pooldef.Space, error) {
	if _, err := b.Active(ctx, p); err != nil {
		return pooldef.Space{}, err
	}
	return b.Mounted.Space(ctx, p)
}

// Start implements backend.Starter.
func (b *Backend) Start(ctx context.Context, p *pooldef.Pool) error {
	s, err := sourceOf(p)
	if err != nil {
		return err
	}
	var options []string
	var inputs []host.Input
	switch {
	case p.Source.Auth != nil && p.Source.Auth.Type == "cifs":
		login, err := b.login(p.Source.Auth)
		if err != nil {
			return err
		}
		options, inputs = []string{"credentials=/proc/self/fd/3"}, []host.Input{login}
	case p.Source.Format == "glusterfs":
		if err := plain(append([]string{s.String(), p.Target.Path}, p.MountOptions...)); err != nil {
			return err
		}
		options = []string{"direct-io-mode=1"}
	case p.Source.Format == "cifs":
		options = []string{"guest"}
	case p.Source.Protocol != "":
		options = []string{"nfsvers=" + p.Source.Protocol}
	}
	format := p.Source.Format
	if format == "auto" {
		format = ""
	}
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	return b.explain(ctx, s, b.Mount(limited, p, s.String(), format, options, inputs...))
}

// plain refuses what mount.glusterfs(8), a shell script, would take apart.
func plain(words []string) error {
	for _, w := range words {
		if host.Quote(w) != w {
			return &backend.UnsupportedError{Type: pooldef.NetFS, What: fmt.Sprintf("%q with GlusterFS, whose mount program would take it apart", w)}
		}
	}
	return nil
}

// explain says what is wrong if mount(8) has failed for want of a server or of its helper.
func (b *Backend) explain(ctx context.Context, s source, err error) error {
	exit := (*host.ExitError)(nil)
	switch {
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return &backend.SilentError{Text: fmt.Sprintf("the server %q does not answer", s.host)}
	case errors.As(err, &exit) && strings.Contains(exit.Stderr, "helper program"):
		if _, missing := b.Host.Stat("/sbin/mount." + s.kind); errors.Is(missing, iofs.ErrNotExist) {
			return &host.ToolError{Tool: "mount." + s.kind}
		}
	case errors.As(err, &exit) && s.kind == "glusterfs": // mount.glusterfs(8) only says that it has failed
		limited, cancel := context.WithTimeout(ctx, b.timeout)
		defer cancel()
		volume, _, _ := strings.Cut(s.place(), "/")
		return cmp.Or(glusterd.Trouble(limited, b.Host, s.host, 0, volume), err)
	}
	return err
}

// Stop implements backend.Starter. A server that has gone may leave what was written to it unwritten; then it waits for a while, and
// leaves the mount alone. It takes half of the time: who stops a pool has asked before whether it is active.
func (b *Backend) Stop(ctx context.Context, p *pooldef.Pool) error {
	limited, cancel := context.WithTimeout(ctx, b.timeout/2)
	defer cancel()
	err := b.Mounted.Stop(limited, p)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return &backend.SilentError{Text: fmt.Sprintf("%q cannot be unmounted: its server does not answer", p.Target.Path)}
	}
	return err
}

// Build implements backend.Builder: it makes the directory.
func (b *Backend) Build(ctx context.Context, p *pooldef.Pool, o backend.BuildOptions) error {
	if o.Overwrite || o.NoOverwrite {
		return &backend.UnsupportedError{Type: p.Type, What: "formatting: there is no device, only a server"}
	}
	if err := b.Free(ctx, p); err != nil {
		return err
	}
	return b.BuildDir(ctx, p)
}
