package dir

import (
	"context"
	"os"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// A session is a golden with a directory for the pools.
type session struct {
	*backendtest.Golden
	dir string
}

// golden runs operations and compares them with testdata/NAME.golden.
func golden(t *testing.T, name string, operations func(s *session)) {
	if os.Geteuid() != 0 {
		backendtest.NotRun(t, "changes to the machine: they need root, to change owners")
	}
	s := &session{Golden: backendtest.NewGolden(t, name), dir: t.TempDir()}
	if btrfs, _ := new(host.Local).OnBtrfs(s.dir); btrfs {
		backendtest.NotRun(t,
			"changes to the machine: $TMPDIR is on btrfs, where operations make more changes")
	}
	s.Clean = strings.NewReplacer(s.dir, "/srv").Replace
	s.Snapshot = func() string { return backendtest.Tree(s, s.dir) }
	operations(s)
	s.End()
}

// do runs an operation on the pool at a path below the session's directory.
func (s *session) do(title, path string, op func(b *Backend, p *pooldef.Pool) error) {
	s.Helper()
	s.Do(title, func(h host.Host) error {
		return op(New(h, secrets), &pooldef.Pool{Type: pooldef.Dir, Name: "images",
			Target: pooldef.Target{Path: s.dir + path}})
	})
}

func TestGoldenBuild(t *testing.T) {
	build := func(mode, owner, group uint32) func(b *Backend, p *pooldef.Pool) error {
		return func(b *Backend, p *pooldef.Pool) error {
			if mode != 0 {
				p.Target.Permissions = pooldef.Permissions{Mode: &mode, Owner: &owner, Group: &group}
			}
			return b.Build(context.Background(), p, backend.BuildOptions{})
		}
	}
	golden(t, "build", func(s *session) {
		s.do("a directory that is not there", "/images", build(0, 0, 0))
		s.do("one that is there: nothing to do", "/images", build(0, 0, 0))
		s.do("one that is there, with permissions", "/images", build(0o750, 64055, 64056))
		s.do("one that is not there, with permissions", "/shared", build(0o770, 64055, 64056))
		s.do("the directories above it are missing", "/data/vm/images", build(0, 0, 0))
		s.do("without copy-on-write, where there is none: what was begun is undone", "/vm/other",
			func(b *Backend, p *pooldef.Pool) error {
				p.COW = new(bool)
				return build(0, 0, 0)(b, p)
			})
		s.do("remove it", "/images", func(b *Backend, p *pooldef.Pool) error {
			return b.DeletePool(context.Background(), p)
		})
	})
}

// A createCase is a volume that is created.
type createCase struct {
	title, name, format string
	change              func(v *pooldef.Volume)
	preallocation       string
}

func TestGoldenCreate(t *testing.T) {
	none := func(*pooldef.Volume) {}
	sparse := func(v *pooldef.Volume) { v.Allocation = pooldef.Bytes(0) }
	golden(t, "create", func(s *session) {
		for _, m := range []createCase{
			{"raw, all of its room reserved, as the definition says nothing else", "raw", "raw", none, ""},
			{"raw, sparse", "sparse.raw", "raw", sparse, ""},
			{"raw, with room for a part", "part.raw", "raw",
				func(v *pooldef.Volume) { v.Allocation = pooldef.Bytes(65536) }, ""},
			{"raw, written with zeros", "full.raw", "raw", none, "full"},
			{"raw, somebody's", "owned.raw", "raw",
				func(v *pooldef.Volume) { sparse(v); v.Target.Permissions = otherOwner() }, ""},
			{"a name that a shell could take for something else", "a 'b' $(c)\n", "raw", sparse, ""},
			{"qcow2", "plain.qcow2", "qcow2", none, ""},
			{"qcow2 with all that there is", "all.qcow2", "qcow2", func(v *pooldef.Volume) {
				v.Target.Permissions, v.Target.Compat, v.Target.ClusterSize = otherOwner(), "1.1", 131072
				v.Target.NoCOW, v.Target.LazyRefcounts, v.Target.ExtendedL2 = true, true, true
			}, "metadata"},
			{"qcow2 on another image", "-over.qcow2", "qcow2", func(v *pooldef.Volume) {
				v.Backing = &pooldef.VolumeTarget{Path: "plain.qcow2", Format: "qcow2"}
			}, ""},
			{"vmdk", "v.vmdk", "vmdk", none, ""},
			{"a directory", "dir", "dir", none, ""},
			{"a directory, somebody's", "owned", "dir",
				func(v *pooldef.Volume) { v.Target.Permissions = otherOwner() }, ""},
		} {
			v := &pooldef.Volume{Name: m.name, Capacity: pooldef.Bytes(1 << 20),
				Target: pooldef.VolumeTarget{Format: m.format}}
			m.change(v)
			s.do(m.title, "", func(b *Backend, p *pooldef.Pool) error {
				return b.Create(context.Background(), p, v,
					backend.CreateOptions{Preallocation: m.preallocation})
			})
		}
	})
}

func otherOwner() pooldef.Permissions {
	mode, owner, group := uint32(0o660), uint32(64055), uint32(64056)
	return pooldef.Permissions{Mode: &mode, Owner: &owner, Group: &group}
}

func TestGoldenRename(t *testing.T) {
	rename := func(name, newName string) func(b *Backend, p *pooldef.Pool) error {
		return func(b *Backend, p *pooldef.Pool) error {
			return b.Rename(context.Background(), p, name, newName)
		}
	}
	golden(t, "rename", func(s *session) {
		file := host.CreateFile{Path: s.dir + "/file", Mode: 0o600, UID: -1, GID: -1}
		backendtest.Change(t, file, host.Mkdir{Path: s.dir + "/dir", Mode: 0o700},
			host.Symlink{Target: "dir", Link: s.dir + "/link"})
		s.do("a file", "", rename("file", "-new 'file'"))
		s.do("a directory", "", rename("dir", "dir2"))
		backendtest.Change(t, host.Rename{Old: s.dir + "/dir2", New: s.dir + "/dir"})
		s.do("a link: it leads where it led", "", rename("link", "link2"))
		s.do("to the name that it has: nothing to do", "", rename("dir", "dir"))
	})
}

func TestGoldenDelete(t *testing.T) {
	remove := func(name string) func(b *Backend, p *pooldef.Pool) error {
		return func(b *Backend, p *pooldef.Pool) error { return b.Delete(context.Background(), p, name) }
	}
	golden(t, "delete", func(s *session) {
		file := host.CreateFile{Path: s.dir + "/file", Mode: 0o600, UID: -1, GID: -1}
		stage := &host.Stage{Path: s.dir + "/.poolctl-0123456789abcdef"}
		backendtest.Change(t, file, host.Mkdir{Path: s.dir + "/dir", Mode: 0o700},
			host.Symlink{Target: "file", Link: s.dir + "/link"}, stage)
		stage.Release()
		s.do("a link", "", remove("link"))
		s.do("a file", "", remove("file"))
		s.do("a directory", "", remove("dir"))
		s.do("what a killed process has left half-made", "", func(b *Backend, p *pooldef.Pool) error {
			_, err := b.RemoveStale(context.Background(), p)
			return err
		})
	})
}
