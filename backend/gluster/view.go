package gluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/filevol"
	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
	"poolctl/pooldef"
)

// mountPoint is where the client mounts the volume in its own mount namespace. It has to be there, and matters to nobody else.
const mountPoint = "/mnt"

// A view is a pool as we see it: files below a directory that nobody else knows.
type view struct {
	source
	*host.PrivateMount
	*host.Dir // the directory, until Leave
	b         *Backend
	files     filevol.Files
	pool      *pooldef.Pool // whose target is that directory
}

// client serves the volume. What is written has arrived when a file is closed: the client is killed at the end.
func (s source) client() host.Command {
	args := []string{"--no-daemon", "--process-name=fuse", "--log-file=-", "--log-level=ERROR", "--volfile-server=" + s.server}
	if s.port != 0 {
		args = append(args, "--volfile-server-port="+strconv.Itoa(s.port))
	}
	return host.Cmd("glusterfs", append(args, "--volfile-id="+s.volume, "--xlator-option=*-write-behind.flush-behind=off",
		"--fuse-mountopts=nodev,nosuid,noexec", mountPoint)...)
}

// open shows the files of a pool. If there is no error, Leave is to be called.
func (b *Backend) open(ctx context.Context, p *pooldef.Pool) (*view, error) {
	s, err := sourceOf(p)
	if err != nil {
		return nil, err
	}
	served, err := b.host.MountPrivate(ctx, s.client(), mountPoint, b.timeout)
	if err != nil {
		return nil, b.translateError(ctx, s, err)
	}
	v := &view{source: s, PrivateMount: served, b: b}
	v.files.Host, v.files.Inside = paths{b.host, served.Root}, true
	if b.secrets != nil {
		v.files.Secrets = secrets{b.secrets, v}
	}
	seen := *p
	seen.Target.Path = filepath.Join(served.Root, s.dir)
	v.pool = &seen
	return v, v.told(ctx, v.enter())
}

// enter holds the pool's directory, which has to be there, in the volume: a link that leads elsewhere leads out of it.
func (v *view) enter() error {
	top, err := v.b.host.OpenDir(v.Root, true)
	if err != nil {
		return err
	}
	defer top.Close()
	dir, err := v.b.host.OpenDir(v.pool.Target.Path, true)
	switch {
	case err == nil && dir.IsOn(top):
		v.Dir = dir
		return nil
	case err == nil:
		dir.Close()
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR) && !errors.As(err, new(*safeopen.LinkError)):
		return err
	}
	return &backend.StateError{Text: fmt.Sprintf("there is no directory %q in the Gluster volume %q", v.dir, v.volume)}
}

// use does something with the files of a pool.
func use[T any](ctx context.Context, b *Backend, p *pooldef.Pool, do func(v *view) (T, error)) (T, error) {
	v, err := b.open(ctx, p)
	if err != nil {
		var none T
		return none, err
	}
	defer v.Close()
	answer, err := do(v)
	return answer, v.told(ctx, err)
}

// change is use for what answers nothing.
func (b *Backend) change(ctx context.Context, p *pooldef.Pool, do func(v *view) error) error {
	_, err := use(ctx, b, p, func(v *view) (struct{}, error) { return struct{}{}, do(v) })
	return err
}

// outside is the URI of a file that we see at a path, or the path itself if it is none of the volume.
func (v *view) outside(file string) string {
	if rest, ok := strings.CutPrefix(path.Clean(file), v.Root+"/"); ok {
		return v.uri() + escape("/"+rest)
	}
	return file
}

// types are the words for what is not on this machine.
var types = map[string]string{"file": "network", "block": "network", "dir": "netdir"}

// shown describes a volume for others.
func (v *view) shown(volume *pooldef.Volume) *pooldef.Volume {
	if volume == nil {
		return nil
	}
	if t, ok := types[volume.Type]; ok {
		volume.Type = t
	}
	volume.Target.Path = v.outside(volume.Target.Path)
	volume.Key = volume.Target.Path
	if volume.Backing != nil {
		volume.Backing.Path = v.outside(volume.Backing.Path)
	}
	if volume.Err != nil {
		volume.Err = v.inWords(volume.Err)
	}
	return volume
}

// paths is the machine, which prints the paths of the client.
type paths struct {
	host.Host
	root string
}

// Change implements host.Host.
func (h paths) Change(ctx context.Context, s host.Step) error {
	return h.Host.Change(ctx, step{s, h.root})
}

type step struct {
	host.Step
	root string
}

// Shell implements host.Step.
func (s step) Shell() string { return strings.ReplaceAll(s.Step.Shell(), s.root, mountPoint) }

// secrets are found by URIs.
type secrets struct {
	backend.Secrets
	v *view
}

// SecretOf implements backend.Secrets.
func (s secrets) SecretOf(usageType, usage string) (*pooldef.Secret, error) {
	return s.Secrets.SecretOf(usageType, s.v.outside(usage))
}
