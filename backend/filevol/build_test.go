package filevol

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

func permissionsOf(mode, owner, group uint32) pooldef.Permissions {
	return pooldef.Permissions{Mode: &mode, Owner: &owner, Group: &group}
}

func lstat(t *testing.T, path string) (fs.FileMode, uint32, uint32) {
	t.Helper()
	info, err := os.Lstat(path)
	ok(t, err)
	s := info.Sys().(*syscall.Stat_t)
	return info.Mode() &^ fs.ModeDir, s.Uid, s.Gid
}

// TestBuildUndone makes each kind of change fail while a directory with missing parents is created, and while
// an existing one is adopted.
func TestBuildUndone(t *testing.T) {
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 4711, 4712
	}
	fails := map[string]func(host.Step) bool{
		"mkdir": func(s host.Step) bool { m, ok := s.(host.Mkdir); return ok && filepath.Base(m.Path) == "pool" },
		"chown": func(s host.Step) bool { c, ok := s.(host.Chown); return ok && c.UID == uid && c.GID == gid },
		"chmod": func(s host.Step) bool { c, ok := s.(host.Chmod); return ok && c.Mode.Perm() == 0o750 },
		"cow":   func(s host.Step) bool { _, ok := s.(host.SetNoCOW); return ok },
	}
	for name, fails := range fails {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			p := poolIn(top + "/a/b/pool")
			p.Target.Permissions = permissionsOf(0o750, uint32(uid), uint32(gid))
			p.COW = new(bool)
			f := Files{Host: brokenHost{here.Host, fails}}
			before := backendtest.Tree(t, top)
			if err := f.BuildDir(t.Context(), p); !errors.Is(err, errBroken) && name != "chmod" {
				t.Errorf("new directory: got error %v", err)
			}
			if after := backendtest.Tree(t, top); after != before {
				t.Errorf("before\n%s\nafter\n%s", before, after)
			}
			ok(t, os.MkdirAll(p.Target.Path, 0o755))
			before = backendtest.Tree(t, top)
			if err := f.BuildDir(t.Context(), p); !errors.Is(err, errBroken) && name != "mkdir" {
				t.Errorf("existing directory: got error %v", err)
			}
			if after := backendtest.Tree(t, top); after != before {
				t.Errorf("before\n%s\nafter\n%s", before, after)
			}
		})
	}
}

func TestBuild(t *testing.T) {
	if os.Geteuid() != 0 {
		backendtest.NotRun(t, "the owner of a pool's directory: it needs root")
	}
	defer syscall.Umask(syscall.Umask(0o077))
	top := t.TempDir()
	check := func(path string, mode fs.FileMode, uid, gid uint32) {
		t.Helper()
		if m, u, g := lstat(t, top+path); m != mode || u != uid || g != gid {
			t.Errorf("%s has mode %v, owner %d:%d; want %v %d:%d", path, m, u, g, mode, uid, gid)
		}
	}
	p := poolIn(top + "/a/b/pool/")
	ok(t, here.BuildDir(t.Context(), p))
	check("/a", 0o755, 0, 0)
	check("/a/b", 0o755, 0, 0)
	check("/a/b/pool", 0o711, 0, 0)
	ok(t, here.BuildDir(t.Context(), p)) // nothing to do
	check("/a/b/pool", 0o711, 0, 0)

	p.Target.Permissions = permissionsOf(0o770, 4711, 4712)
	ok(t, here.BuildDir(t.Context(), p))
	check("/a/b/pool", 0o770, 4711, 4712)
	p.Target.Path = top + "/new"
	ok(t, here.BuildDir(t.Context(), p))
	check("/new", 0o770, 4711, 4712)

	// A link created by the administrator is followed. The sticky and set-group-ID bits stay.
	ok(t, os.Mkdir(top+"/real", 0o755))
	ok(t, os.Chmod(top+"/real", 0o777|fs.ModeSticky|fs.ModeSetgid))
	ok(t, os.Symlink("real", top+"/link"))
	p.Target.Path = top + "/link"
	ok(t, here.BuildDir(t.Context(), p))
	check("/real", 0o770|fs.ModeSticky|fs.ModeSetgid, 4711, 4712)
	check("/link", 0o777|fs.ModeSymlink, 0, 0)

	write(t, poolIn(top), "file", "x")
	for path, want := range map[string]error{"/file": nil, "/file/below": unix.ENOTDIR} {
		before := backendtest.Tree(t, top)
		err := here.BuildDir(t.Context(), poolIn(top+path))
		if err == nil || want != nil && !errors.Is(err, want) || backendtest.Tree(t, top) != before {
			t.Errorf("%s: error %v", path, err)
		}
	}
}

func TestRemove(t *testing.T) {
	p := poolIn(t.TempDir() + "/pool")
	ok(t, here.BuildDir(t.Context(), p))
	write(t, p, "volume", "data")
	if err := here.RemoveDir(t.Context(), p); !errors.Is(err, unix.ENOTEMPTY) {
		t.Errorf("directory with a volume: got error %v", err)
	}
	ok(t, here.Delete(t.Context(), p, "volume"))
	stage := &host.Stage{Path: p.Target.Path + "/" + stagingName("killed")}
	backendtest.Change(t, stage)
	if err := here.RemoveDir(t.Context(), p); err == nil {
		t.Error("the directory was removed during the creation of a volume")
	}
	stage.Release() // no process works in the staging directory any more, so it is a leftover
	backendtest.Change(t, host.Mkdir{Path: p.Target.Path + "/" + stagingName("x"), Mode: 0o700})
	p.MountPoint = true // nothing is mounted, so only the directory below exists
	if err := here.RemoveDir(t.Context(), p); !errors.Is(err, unix.ENOTEMPTY) {
		t.Errorf("files in an unmounted directory: got error %v", err)
	}
	p.MountPoint = false
	ok(t, here.RemoveDir(t.Context(), p))
	if err := here.RemoveDir(t.Context(), p); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("second removal: got error %v", err)
	}
}

// TestRemoveStaleReadOnly looks for leftovers where nothing can be removed. That is no error, because a pool
// can be read-only.
func TestRemoveStaleReadOnly(t *testing.T) {
	p := poolIn(backendtest.Mount(t, "-t", "tmpfs", "tmpfs"))
	stage := &host.Stage{Path: p.Target.Path + "/" + stagingName("killed")}
	backendtest.Change(t, stage)
	stage.Release()
	backendtest.Change(t, host.Mkdir{Path: p.Target.Path + "/" + stagingName("empty"), Mode: 0o700},
		host.Cmd("mount", "-o", "remount,ro", p.Target.Path))
	if removed, err := here.RemoveStale(t.Context(), p); len(removed) > 0 || err != nil {
		t.Errorf("removed %q, error %v", removed, err)
	}
	backendtest.Change(t, host.Cmd("mount", "-o", "remount,rw", p.Target.Path))
	if removed, err := here.RemoveStale(t.Context(), p); len(removed) != 2 || err != nil {
		t.Errorf("removed %q, error %v", removed, err)
	}
}

// TestBuildTogether builds pools with the same missing parents concurrently. A parent that another process
// has just created is not an error.
func TestBuildTogether(t *testing.T) {
	for range 20 {
		top := t.TempDir()
		errs := make(chan error, 16)
		for i := range cap(errs) {
			go func() { errs <- here.BuildDir(t.Context(), poolIn(fmt.Sprintf("%s/a/b/pool%d", top, i))) }()
		}
		for range cap(errs) {
			ok(t, <-errs)
		}
	}
}
