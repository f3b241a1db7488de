package safeopen

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// succeed fails the test if one of the errors is not nil.
func succeed(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, path string, data []byte) {
	t.Helper()
	succeed(t, os.WriteFile(path, data, 0o644))
}

// mkdir creates a directory with a mode, whatever the umask is.
func mkdir(t testing.TB, path string, mode os.FileMode) {
	t.Helper()
	succeed(t, os.Mkdir(path, 0o700), os.Chmod(path, mode))
}

// notRun skips a test that this machine cannot run, or fails it if POOLCTL_TEST_ALL is set.
func notRun(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("POOLCTL_TEST_ALL") != "" {
		t.Fatalf("POOLCTL_TEST_ALL is set, but this machine cannot test %s", what)
	}
	t.Skipf("NOT RUN: %s", what)
}

// TestFollow follows links of root, of the running user, and of another user.
func TestFollow(t *testing.T) {
	if os.Geteuid() != 0 {
		notRun(t, "links of others: it needs root")
	}
	dir := t.TempDir()
	put(t, dir+"/secret", nil)
	mkdir(t, dir+"/theirs", 0o755)
	mkdir(t, dir+"/theirs/sub", 0o755)
	mkdir(t, dir+"/ours", 0o755)
	put(t, dir+"/theirs/file", nil)
	put(t, dir+"/theirs/sub/file", nil)
	put(t, dir+"/ours/file", nil)
	links := map[string]string{
		"to-secret": "../secret", "to-file": "file", "absolute": dir + "/theirs/file",
		"to-dir": dir + "/theirs/sub/", "up": "..", "root": "/",
		"chain": "to-secret", "ours": "../ours", "loop": "loop", "nowhere": "none", "process": "/proc/self",
		"memory": "/proc/self/mem", "dot": ".",
	}
	for name, target := range links {
		succeed(t, os.Symlink(target, dir+"/theirs/"+name))
	}
	succeed(t, os.Symlink("theirs/to-file", dir+"/link"), os.Symlink("theirs/to-secret", dir+"/link-secret"))
	for _, name := range []string{"", "/sub", "/file", "/sub/file"} {
		succeed(t, os.Chown(dir+"/theirs"+name, 4711, 4711))
	}
	for name := range links {
		succeed(t, os.Lchown(dir+"/theirs/"+name, 4711, 4711))
	}
	link := &LinkError{}
	for path, want := range map[string]any{
		"secret": "secret", "theirs/file": "theirs/file", "./theirs//sub/../file": "theirs/file",
		"theirs/sub/file/": unix.ENOTDIR, "theirs/": "theirs",
		"theirs/to-file": "theirs/file", "theirs/absolute": "theirs/file",
		"theirs/to-dir/file": "theirs/sub/file", "theirs/to-dir/../file": "theirs/file",
		"theirs/dot/dot/to-file": "theirs/file", "link": "theirs/file",
		"theirs/to-secret": link, "theirs/chain": link, "theirs/up/secret": link, "theirs/root": link,
		"theirs/ours/file": link, "link-secret": link,
		"theirs/process/status": link, "theirs/memory": link,
		"theirs/loop": unix.ELOOP, "theirs/nowhere": fs.ErrNotExist, "none": fs.ErrNotExist,
		"theirs/file/x": unix.ENOTDIR,
	} {
		fd, err := Follow(dir + "/" + path)
		if is, ok := want.(string); ok {
			if got, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)); err != nil || got != dir+"/"+is {
				t.Errorf("%s leads to %q, error %v", path, got, err)
			}
			fd.Close()
			continue
		}
		if wanted, ok := want.(*LinkError); ok && !errors.As(err, &wanted) || !ok && !errors.Is(err, want.(error)) {
			t.Errorf("%s: error %v", path, err)
		}
	}
}

// TestCheckGuarded checks paths with directories that other users can or cannot exchange.
func TestCheckGuarded(t *testing.T) {
	if os.Geteuid() != 0 {
		notRun(t, "directories of others: it needs root")
	}
	top := t.TempDir()
	for _, d := range []struct {
		name string
		mode os.FileMode
	}{
		{"root", 0o755}, {"root/sub", 0o700}, {"theirs", 0o755}, {"theirs/sub", 0o755}, {"open", 0o777},
		{"open/sub", 0o755},
		{"sticky", 0o777 | os.ModeSticky}, {"sticky/root", 0o755}, {"sticky/theirs", 0o755},
	} {
		mkdir(t, top+"/"+d.name, d.mode)
	}
	succeed(t, os.Symlink("root/sub", top+"/link"), os.Symlink("../root/sub", top+"/theirs/link"))
	succeed(t, os.Chown(top+"/theirs", 4711, -1), os.Chown(top+"/sticky/theirs", 4711, -1),
		os.Chown(top+"/root/sub", 4711, -1))
	for path, dir := range map[string]string{
		"root/sub": "", "link": "", "sticky/root": "", "theirs": "", "theirs/sub": "theirs", "open/sub": "open",
		"sticky/theirs": "sticky", "theirs/link": "theirs",
	} {
		err, guard := CheckGuarded(top+"/"+path), (*GuardError)(nil)
		if dir == "" && err == nil || errors.As(err, &guard) && guard.Dir == top+"/"+dir {
			continue
		}
		t.Errorf("%s: error %v", path, err)
	}
}

// TestOpenUntrusted opens files that the kernel makes up, which must fail.
func TestOpenUntrusted(t *testing.T) {
	dir := t.TempDir()
	put(t, dir+"/file", nil)
	for path, stored := range map[string]bool{
		dir + "/file": true, dir: true, "/dev/null": true, "/dev/shm": true, "/proc/self/status": false,
		"/sys/kernel/uevent_seqnum": false, "/proc/kmsg": false,
	} {
		h, err := OpenUntrusted(path)
		if err == nil {
			h.Close()
		}
		if os.IsNotExist(err) {
			notRun(t, "what the kernel makes up: "+err.Error())
		}
		if (err == nil) != stored {
			t.Errorf("%s: error %v", path, err)
		}
	}
}
