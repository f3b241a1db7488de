package filevol

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"poolctl/backend/backendtest"
	"poolctl/pooldef"
)

// TestLocate locates volumes by paths that lead to the pool's directory in other ways than the definition's
// path.
func TestLocate(t *testing.T) {
	top := t.TempDir()
	ok(t, os.MkdirAll(top+"/real pool/sub", 0o755))
	ok(t, os.Symlink("real pool", top+"/link"))
	p := poolIn(top + "/link")
	write(t, p, "v", "")
	t.Chdir(top)
	for path, want := range map[string]string{
		"/link/v": "v", "/real pool/v": "v", "/link/./sub/../v": "v", "/link//v": "v", "/link/none": "none",
		"/link/sub":   "sub",
		"/link/sub/v": "", "/link": "", "/other/v": "", "/": "",
	} {
		if name, found := here.Locate(t.Context(), p, top+path); name != want && found ||
			found != (want != "") {
			t.Errorf("locate %q: got %q, %v; want %q", path, name, found, want)
		}
	}
	for path, want := range map[string]bool{"link/v": true, "./real pool/v": true, "v": false, "": false,
		"/": false} {
		if name, found := here.Locate(t.Context(), p, path); found != want {
			t.Errorf("locate %q: got %q, %v", path, name, found)
		}
	}
	if name, found := here.Locate(t.Context(), poolIn("/"), "/"); found {
		t.Errorf("locate \"/\": got %q", name)
	}
}

// TestSpace compares Space with the known content of a file system.
func TestSpace(t *testing.T) {
	p := poolIn(backendtest.Mount(t, "-t", "tmpfs", "-o", "size=8m", "tmpfs"))
	for _, used := range []uint64{0, 3 << 20} {
		if used > 0 {
			create(t, p, rawVolume("v", used), "falloc")
		}
		s, err := here.Space(t.Context(), p)
		ok(t, err)
		want := pooldef.Space{Capacity: 8 << 20, Allocation: used, Available: 8<<20 - used,
			Inodes: s.Inodes, InodesFree: s.Inodes - 1 - min(used, 1)} // the directory, and the volume
		if s != want || s.Inodes == 0 {
			t.Errorf("got %+v, want %+v", s, want)
		}
	}
}

// TestLooks compares the details of a volume and of a pool's directory with stat(2).
func TestLooks(t *testing.T) {
	p := newPool(t)
	path := write(t, p, "v", "12345")
	ok(t, os.Chmod(path, 0o4751))
	accessed, written := time.Unix(1_000_000_000, 123456789), time.Unix(1_100_000_000, 987654321)
	ok(t, os.Chtimes(path, accessed, written))
	ok(t, os.Chmod(p.Target.Path, 0o1751))
	labelled := unix.Setxattr(path, "security.selinux", []byte("a:b:c:s0\x00"), 0) == nil
	var st unix.Stat_t
	ok(t, unix.Stat(path, &st))
	v, err := here.Volume(t.Context(), p, "v")
	ok(t, err)
	times, permissions := v.Target.Times, v.Target.Permissions
	if !times.Access.Equal(accessed) || !times.Modify.Equal(written) ||
		!times.Change.Equal(time.Unix(st.Ctim.Unix())) {
		t.Errorf("got times %v", times)
	}
	if since := time.Since(times.Birth); !times.Birth.IsZero() && (since < 0 || since > time.Hour) {
		t.Errorf("got an age of %v", since)
	}
	if *permissions.Mode != 0o751 || *permissions.Owner != st.Uid || *permissions.Group != st.Gid ||
		labelled && permissions.Label != "a:b:c:s0" {
		t.Errorf("got permissions %+v", permissions)
	}
	seen, err := here.ReadStatus(t.Context(), p)
	ok(t, err)
	if *seen.Target.Permissions.Mode != 0o751 || *seen.Target.Permissions.Owner != uint32(os.Getuid()) ||
		p.Target.Permissions.Mode != nil {
		t.Errorf("got permissions %+v of the directory", seen.Target.Permissions)
	}
	if _, err := here.ReadStatus(t.Context(), poolIn(filepath.Join(path, "none"))); err == nil {
		t.Error("missing directory: got no error")
	}
}

// TestPloop distinguishes a ploop image from ordinary directories.
func TestPloop(t *testing.T) {
	p := newPool(t)
	header := make([]byte, 512)
	copy(header, "WithouFreSpacExt")
	header[36] = 16 // sectors
	for dir, files := range map[string][]string{"ploop": {"root.hds", "DiskDescriptor.xml"},
		"half": {"root.hds"}, "other": {"DiskDescriptor.xml"}} {
		ok(t, os.Mkdir(p.Target.Path+"/"+dir, 0o755))
		for _, file := range files {
			write(t, poolIn(p.Target.Path+"/"+dir), file, string(header))
		}
	}
	ok(t, unix.Mkfifo(p.Target.Path+"/other/root.hds", 0o600))
	checkList(t, list(t, p), map[string]string{"ploop": "ploop ploop 8192", "half": "dir dir 0",
		"other": "dir dir 0"})
}
