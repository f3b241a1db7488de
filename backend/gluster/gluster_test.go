package gluster

import (
	"errors"
	"maps"
	"os"
	"path"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/driver/drivertest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

func options(t *testing.T, define func(name string, size uint64) *pooldef.Volume) backendtest.Options {
	needsCluster(t)
	return backendtest.Options{
		Parallel: true,
		New:      func(h host.Host) backend.Backend { return newBackend(h) },
		Host:     here,
		Pool:     func(t *testing.T) *pooldef.Pool { return poolOf(t, "gv0") },
		Snapshot: func(t *testing.T, p *pooldef.Pool) string {
			return backendtest.Tree(t, bricks(t)+"/gv0-1"+p.Source.Dir)
		},
		Volume: define,
		Refused: []string{"", ".", "..", "../x", "a/b", ".poolctl-0123456789abcdef",
			strings.Repeat("n", 256)},
		Allowed: []string{"-x", "a b", "a\nb", "'", "$(x)", "a:b", "json:{}", "ü", "\xff\xfe", ".poolctl-x",
			".hidden", meta},
	}
}

func TestRaw(t *testing.T) {
	o := options(t, volume)
	o.Sizes = []uint64{65537, 0, 1, 1 << 20}
	o.Elsewhere = backendtest.Because("TestRaw of backend/dir covers it", "RenameFaults", "CloneFaults",
		"ResizeFaults", "KilledCloning")
	maps.Copy(o.Elsewhere, backendtest.Because("Moving has the same changes", backendtest.StagedFaults...))
	o.Move = drivertest.Move
	o.Sibling = func(t *testing.T, p *pooldef.Pool) *pooldef.Pool {
		sibling := poolOf(t, "gv0")
		sibling.Name = "sibling"
		return sibling
	}
	backendtest.Run(t, o)
}

func TestQcow2(t *testing.T) {
	o := options(t, func(name string, size uint64) *pooldef.Volume {
		v := volume(name, size)
		v.Target.Format = "qcow2"
		return v
	})
	o.Sizes, o.Unit = []uint64{1 << 20, 513}, 512
	o.Encode = func(t testing.TB, format string, disk []byte) []byte {
		return backendtest.Convert(t, "raw", format, disk)
	}
	o.Decode = func(t testing.TB, format string, image []byte) []byte {
		return backendtest.Convert(t, format, "raw", image)
	}
	o.Parts = []string{"Volumes", "Sizes", "Resizing", "Snapshots", "FlattenFaults", "KilledFlattening"}
	backendtest.Run(t, o)
}

func TestDirectory(t *testing.T) {
	o := options(t, func(name string, size uint64) *pooldef.Volume {
		v := volume(name, size)
		v.Target.Format = "dir"
		return v
	})
	o.Sizes = []uint64{0}
	o.Parts = []string{"Volumes", "Cloning", "Transfers", "Wiping", "Trimming", "KilledDeleting"}
	backendtest.Run(t, o)
}

// TestKeys checks URIs as libvirt writes them.
func TestKeys(t *testing.T) {
	for _, c := range []struct {
		host      pooldef.Host
		dir, name string
		key       string
	}{
		{pooldef.Host{Name: "h"}, "/", "a", "gluster://h/gv0/a"},
		{pooldef.Host{Name: "h", Port: 24007}, "/", "with space.img", "gluster://h:24007/gv0/with%20space.img"},
		{pooldef.Host{Name: "fd00::1"}, "/sub//dir/", "100%", "gluster://[fd00::1]/gv0/sub/dir/100%25"},
		{pooldef.Host{Name: "[fd00::1]"}, "/", "ü:?#", "gluster://[fd00::1]/gv0/%C3%BC%3A%3F%23"},
		{pooldef.Host{Name: "h"}, "/", "a&b=c+d$e,f;g@h!*'()~", "gluster://h/gv0/a&b=c+d$e,f;g@h!*'()~"},
		{pooldef.Host{Name: "h"}, "/", "\xff\n[x]", "gluster://h/gv0/%FF%0A%5Bx%5D"},
	} {
		p := &pooldef.Pool{Type: pooldef.Gluster,
			Source: pooldef.Source{Hosts: []pooldef.Host{c.host}, Name: "gv0", Dir: c.dir}}
		s, err := sourceOf(p)
		ok(t, err)
		v := &view{source: s, PrivateMount: &host.PrivateMount{Root: "/proc/1/fd/2"}}
		if key := v.externalPath(path.Join(v.Root, s.dir, c.name)); key != c.key {
			t.Errorf("key of %q: got %s, want %s", c.name, key, c.key)
		}
		b := newBackend(here)
		if name, found := b.Locate(t.Context(), p, c.key); !found || name != c.name {
			t.Errorf("locate %s: got %q, %v", c.key, name, found)
		}
		for _, other := range []string{"", c.name, c.key + "/x", "gluster://other/gv0/a", "/gv0/" + c.name,
			c.key[:strings.LastIndexByte(c.key, '/')+1], c.key + "%"} {
			if name, found := b.Locate(t.Context(), p, other); found {
				t.Errorf("locate %q: got %q", other, name)
			}
		}
	}
}

func TestDiscover(t *testing.T) {
	needsCluster(t)
	b := newBackend(here)
	found, err := b.Discover(t.Context(), &pooldef.Source{Hosts: []pooldef.Host{{Name: server}}})
	if err != nil || len(found) != 2 || found[0].Name != "gv0" || found[1].Name != "gv1" ||
		found[0].Dir != "/" || found[0].Hosts[0].Name != server {
		t.Errorf("found %+v, error %v", found, err)
	}
	_, err = b.Discover(t.Context(), &pooldef.Source{Hosts: []pooldef.Host{{Name: "127.0.0.43"}}})
	checkStateError(t, "unreachable server", err, "the server 127.0.0.43:24007 cannot be reached")
	problems := pooldef.Problems(nil)
	if _, err := b.Discover(t.Context(), &pooldef.Source{}); !errors.As(err, &problems) {
		t.Errorf("no server given: got error %v", err)
	}
}

// TestMeta checks the directory in which the client exposes its state: it is not a volume in the top
// directory, but the name is valid in other directories.
func TestMeta(t *testing.T) {
	p := poolOf(t, "gv0")
	p.Source.Dir = "/"
	b, problems := newBackend(here), pooldef.Problems(nil)
	if err := b.Create(t.Context(), p, volume(meta, 1), backend.CreateOptions{}); !errors.As(err, &problems) {
		t.Errorf("create: error %v", err)
	}
	if err := b.Rename(t.Context(), p, meta, "x"); !errors.Is(err, backend.ErrNoVolume) {
		t.Errorf("rename: error %v", err)
	}
	if v, err := b.Volume(t.Context(), p, meta); !errors.Is(err, backend.ErrNoVolume) {
		t.Errorf("lookup: got %+v, error %v", v, err)
	}
}

// TestLinks uses links to files of the Gluster volume, and a link to a file of this machine, which other
// clients would not find.
func TestLinks(t *testing.T) {
	p := poolOf(t, "gv0")
	b := newBackend(here)
	ok(t, b.Create(t.Context(), p, volume("file", 1), backend.CreateOptions{}))
	top, err := here.MountPrivate(t.Context(), source{server: server, volume: "gv0"}.client(far))
	ok(t, err)
	for name, target := range map[string]string{"link": "file", "out": "/etc/passwd", "nowhere": "none"} {
		ok(t, os.Symlink(target, top.Root+p.Source.Dir+"/"+name))
	}
	if names, err := list(b, p); strings.Join(names, " ") != "file link" || err != nil {
		t.Errorf("got volumes %q, error %v", names, err)
	}
	if v, err := b.Volume(t.Context(), p, "link"); err != nil || v.Type != "network" ||
		v.Capacity.Bytes != 1 {
		t.Errorf("link: %+v, error %v", v, err)
	}
	for _, name := range []string{"out", "nowhere"} {
		_, err := b.Volume(t.Context(), p, name)
		for _, err := range []error{err, b.Wipe(t.Context(), p, name, "zero", nil),
			b.Delete(t.Context(), p, name)} {
			if !errors.Is(err, backend.ErrNoVolume) {
				t.Errorf("%s: error %v", name, err)
			}
		}
	}
	ok(t, b.Delete(t.Context(), p, "link"))
}

// TestFirstError parses the client's log on a machine without /dev/fuse.
func TestFirstError(t *testing.T) {
	const log = "[2026-11-23 05:56:49.8 +0000] I [io-stats.c:3701:f] 0-gv0: Configure\n" +
		"[2026-11-23 05:56:49.8 +0000] E [MSGID: 101075] [mount.c:444:gf_fuse_mount] 0-glusterfs-fuse: " +
		"cannot open /dev/fuse\n" +
		"[2026-11-23 05:56:49.9 +0000] E [mount-common.c:231:fuse_mnt_umount] 0-glusterfs-fuse: fuse: failed to " +
		"unmount /mnt: Invalid argument"
	if got := firstError(log); got != "0-glusterfs-fuse: cannot open /dev/fuse" {
		t.Errorf("got %q", got)
	}
	if got := firstError("what?"); got != "glusterfs gives no reason" {
		t.Errorf("got %q", got)
	}
}
