// Package netfs manages pools of type netfs: a directory of a server, exported by NFS, SMB (cifs) or
// GlusterFS. Starting a pool mounts the directory. Volumes are files (package filevol).
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
	"poolctl/backend/host/shell"
	"poolctl/format/lazy"
	"poolctl/pooldef"
)

// Backend manages pools of type netfs.
type Backend struct{ filevol.Remote }

// New returns the backend. timeout is the time that a server may take to answer; mount.nfs itself would retry
// for two minutes (nfs(5), retry).
func New(h host.Host, s backend.Secrets, timeout time.Duration) *Backend {
	b := &Backend{filevol.NewRemote(h, s, timeout)}
	b.IsSource = b.isSource
	return b
}

// services are the units of systemd that mount a format, or that export it if the server is this machine.
var services = map[string][]string{
	"nfs":       {"rpcbind.service", "nfs-client.target", "nfs-server.service"},
	"cifs":      {"smbd.service"},
	"glusterfs": {"glusterd.service"},
}

// Dependencies implements backend.Dependent. The format auto means NFS.
func (b *Backend) Dependencies(p *pooldef.Pool) backend.Dependencies {
	d := b.Remote.Dependencies(p)
	format := p.Source.Format
	if format == "auto" {
		format = "nfs"
	}
	d.Services = services[format]
	return d
}

// Start implements backend.Starter.
func (b *Backend) Start(ctx context.Context, p *pooldef.Pool) error {
	s, err := sourceOf(p)
	if err := cmp.Or(err, checkPlain(p, s)); err != nil {
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
	limited, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	return b.translateError(ctx, s, b.Mount(limited, p, s.String(), format, options, inputs...))
}

// checkPlain refuses a definition with words that mount.glusterfs(8), a shell script, would split or expand.
func checkPlain(p *pooldef.Pool, s source) error {
	if p.Source.Format != "glusterfs" {
		return nil
	}
	for _, w := range append([]string{s.String(), p.Target.Path}, p.MountOptions...) {
		if shell.Quote(w) != w {
			return &backend.UnsupportedError{Type: pooldef.NetFS,
				What: fmt.Sprintf("%q with GlusterFS, whose mount program would split it", w)}
		}
	}
	return nil
}

// unreachable matches the messages of mount.nfs(8) and mount.cifs(8) about a server that cannot be reached.
var unreachable = lazy.Regexp(`(?i)connection refused|no route to host|network is unreachable|` +
	`host is (down|unreachable)|could not connect to|(failed|could not|unable) to? ?resolve`)

// translateError converts an error of mount(8) into one that says what is wrong with the server, or that the
// mount helper is missing.
func (b *Backend) translateError(ctx context.Context, s source, err error) error {
	exit, failed := errors.AsType[*host.ExitError](err)
	switch {
	case backend.IsTimeout(ctx, err):
		return &backend.TimeoutError{Text: fmt.Sprintf("the server %q does not answer", s.host)}
	case failed && unreachable().MatchString(exit.Stderr):
		return &backend.UnreachableError{Server: fmt.Sprintf("the server %q", s.host), Err: err}
	case failed && strings.Contains(exit.Stderr, "helper program"):
		if _, missing := b.Host.Stat("/sbin/mount." + s.kind); errors.Is(missing, iofs.ErrNotExist) {
			return &host.ToolError{Tool: "mount." + s.kind}
		}
	case failed && s.kind == "glusterfs": // mount.glusterfs(8) reports only that it failed
		limited, cancel := context.WithTimeout(ctx, b.Timeout)
		defer cancel()
		volume, _, _ := strings.Cut(s.normalDir(), "/")
		return cmp.Or(glusterd.Diagnose(limited, b.Host, s.host, 0, volume), err)
	}
	return err
}
