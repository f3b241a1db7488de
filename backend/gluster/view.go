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
	"time"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/filevol"
	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
	"poolctl/pooldef"
)

// mountPoint is where the client mounts the Gluster volume in its private mount namespace. It must exist on
// every machine.
const mountPoint = "/mnt"

// A view is a pool as local files, in a mount that only this process sees.
type view struct {
	source
	*host.PrivateMount
	*host.Dir // the pool's directory
	b         *Backend
	files     filevol.Files
	pool      *pooldef.Pool // with the local directory as its target
}

// client returns the command of a FUSE client. Since the client is killed at the end, closing a file must not
// return before its data are written.
func (s source) client(limit time.Duration) host.Client {
	args := []string{"--no-daemon", "--process-name=fuse", "--log-file=-", "--log-level=ERROR",
		"--volfile-server=" + s.server}
	if s.port != 0 {
		args = append(args, "--volfile-server-port="+strconv.Itoa(s.port))
	}
	args = append(args, "--volfile-id="+s.volume, "--xlator-option=*-write-behind.flush-behind=off",
		"--fuse-mountopts=nodev,nosuid,noexec", mountPoint)
	return host.Client{Command: host.Cmd("glusterfs", args...), At: mountPoint,
		Shown: path.Join(mountPoint, s.server, s.volume), Limit: limit}
}

// openView mounts a pool's Gluster volume. If there is no error, the caller closes the view.
func (b *Backend) openView(ctx context.Context, p *pooldef.Pool) (*view, error) {
	s, err := sourceOf(p)
	if err != nil {
		return nil, err
	}
	served, err := b.host.MountPrivate(ctx, s.client(b.timeout))
	if err != nil {
		return nil, b.translateError(ctx, s, err)
	}
	v := &view{source: s, PrivateMount: served, b: b}
	v.files.Host, v.files.Confined = b.host, true
	if b.secrets != nil {
		v.files.Secrets = secrets{b.secrets, v}
	}
	seen := *p
	seen.Target.Path = filepath.Join(served.Root, s.dir)
	v.pool = &seen
	return v, v.translate(ctx, v.openDir())
}

// openDir opens the pool's directory. It must exist in the Gluster volume itself: a link to another file
// system is refused.
func (v *view) openDir() error {
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
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR) &&
		!errors.As(err, new(*safeopen.LinkError)):
		return err
	}
	return &backend.StateError{Text: fmt.Sprintf("the Gluster volume %[2]q has no directory %[1]q", v.dir,
		v.volume)}
}

// withView calls do with the files of a pool.
func withView[T any](ctx context.Context, b *Backend, p *pooldef.Pool,
	do func(v *view) (T, error)) (T, error) {
	v, err := b.openView(ctx, p)
	if err != nil {
		var none T
		return none, err
	}
	defer v.Close()
	answer, err := do(v)
	return answer, v.translate(ctx, err)
}

// changeView is withView for functions without a result.
func (b *Backend) changeView(ctx context.Context, p *pooldef.Pool, do func(v *view) error) error {
	_, err := withView(ctx, b, p, func(v *view) (struct{}, error) { return struct{}{}, do(v) })
	return err
}

// externalPath returns the URI of a local file, or the path itself if the file is not in the Gluster volume.
func (v *view) externalPath(file string) string {
	if rest, ok := strings.CutPrefix(path.Clean(file), v.Root+"/"); ok {
		return v.uri() + escape("/"+rest)
	}
	return file
}

// types maps the types of local volumes to libvirt's types of network volumes.
var types = map[string]string{"file": "network", "block": "network", "dir": "netdir"}

// toExternal converts a volume's local paths to URIs.
func (v *view) toExternal(volume *pooldef.Volume) *pooldef.Volume {
	if volume == nil {
		return nil
	}
	if t, ok := types[volume.Type]; ok {
		volume.Type = t
	}
	volume.Target.Path = v.externalPath(volume.Target.Path)
	volume.Key = volume.Target.Path
	if volume.Backing != nil {
		volume.Backing.Path = v.externalPath(volume.Backing.Path)
	}
	if volume.Err != nil {
		volume.Err = v.withURIs(volume.Err)
	}
	return volume
}

// secrets finds secrets by URI.
type secrets struct {
	backend.Secrets
	v *view
}

// SecretOf implements backend.Secrets.
func (s secrets) SecretOf(usageType, usage string) (*pooldef.Secret, error) {
	return s.Secrets.SecretOf(usageType, s.v.externalPath(usage))
}
