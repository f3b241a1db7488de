package backendtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"poolctl/backend/host"
)

// private tells a test process that it has a mount namespace of its own.
const private = "POOLCTL_TEST_PRIVATE"

// Main runs a package's tests in a mount namespace of their own, where they may mount what they like; call it from TestMain.
func Main(m *testing.M) {
	if os.Geteuid() != 0 || os.Getenv(private) != "" {
		os.Exit(m.Run())
	}
	runtime.LockOSThread() // the parent that Pdeathsig means is the thread
	process, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), private+"=1"),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys:   &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil { // no namespaces here: those who want to mount will say so
		os.Exit(m.Run())
	}
	state, err := process.Wait()
	if err != nil || !state.Exited() {
		os.Exit(1)
	}
	os.Exit(state.ExitCode())
}

// NotRun ends a test that this machine cannot run: loudly, and as a failure where POOLCTL_TEST_ALL says that all are to be run.
func NotRun(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("POOLCTL_TEST_ALL") != "" {
		t.Fatalf("POOLCTL_TEST_ALL is set, but this machine cannot test %s", what)
	}
	t.Skipf("NOT RUN: %s", what)
}

// Pause stops processes until the test ends or resume is called. When it returns none of their threads runs: kill(2) returns before all have
// stopped, and one of a busy machine's may yet answer somebody.
func Pause(t testing.TB, pids ...int) (resume func()) {
	t.Helper()
	resume = sync.OnceFunc(func() {
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
	})
	t.Cleanup(resume)
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		Eventually(t, fmt.Sprintf("process %d is stopped", pid), func() bool { return paused(pid) })
	}
	return resume
}

// paused tells whether all threads of a process are stopped, by the state after their name (proc_pid_stat(5)).
func paused(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	return !slices.ContainsFunc(threads, func(file string) bool {
		stat, err := os.ReadFile(file)
		return err == nil && !strings.HasPrefix(string(stat[bytes.LastIndexByte(stat, ')'):]), ") T")
	})
}

// Change does what has to work.
func Change(t testing.TB, steps ...host.Step) {
	t.Helper()
	for _, s := range steps {
		if err := new(host.Local).Change(context.Background(), s); err != nil {
			t.Fatalf("%s: %v", s.Shell(), err)
		}
	}
}

// Mount mounts something until the test ends, at a new directory, which it returns.
func Mount(t testing.TB, args ...string) string {
	t.Helper()
	if os.Getenv(private) == "" {
		NotRun(t, "anything that is mounted: it needs root and a mount namespace")
	}
	dir := t.TempDir()
	if err := new(host.Local).Change(context.Background(), host.Cmd("mount", append(args, dir)...)); err != nil {
		NotRun(t, err.Error())
	}
	t.Cleanup(func() { Change(t, host.Cmd("umount", dir)) })
	return dir
}

// Disk makes a file system in a file of 128 MiB, by a command such as mkfs.ext4 -q, and mounts it.
func Disk(t testing.TB, mkfs ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "disk")
	Change(t, host.CreateFile{Path: file, Mode: 0o600, UID: -1, GID: -1, Size: 128 << 20})
	if err := new(host.Local).Change(context.Background(), host.Cmd(mkfs[0], append(mkfs[1:], file)...)); err != nil {
		NotRun(t, err.Error())
	}
	return Mount(t, "-o", "loop", file)
}

// Tree prints all that is below a directory and how it is, for Options.Snapshot: types, modes, owners, and what is in files and
// when it was written. Directories' times are not in it, they tell of names that came and went.
func Tree(t testing.TB, root string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		s := info.Sys().(*syscall.Stat_t)
		fmt.Fprintf(&b, "%q %v %d:%d", strings.TrimPrefix(path, root), info.Mode(), s.Uid, s.Gid)
		if !info.IsDir() {
			fmt.Fprintf(&b, " %d bytes of %v: %s", s.Size, info.ModTime().UnixNano(), digest(path, info))
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TreeAndMounts prints a Tree, and what is mounted in it.
func TreeAndMounts(t testing.TB, root string) string {
	t.Helper()
	mounts, err := new(host.Local).Mounts()
	if err != nil {
		t.Fatal(err)
	}
	tree := Tree(t, root)
	for _, m := range mounts {
		if strings.HasPrefix(m.Target, root) {
			tree += fmt.Sprintf("%s %s at %q\n", m.Source, m.Type, m.Target)
		}
	}
	return tree
}

// digest tells the content of a file, as far as the first MiB, or where a link leads.
func digest(path string, info fs.FileInfo) string {
	switch info.Mode().Type() {
	case fs.ModeSymlink:
		target, _ := os.Readlink(path)
		return target
	case 0:
		f, err := os.Open(path)
		if err != nil {
			return ""
		}
		defer f.Close()
		data, _ := io.ReadAll(io.LimitReader(f, 1<<20))
		return fmt.Sprintf("%.8x", sha256.Sum256(data))
	}
	return ""
}

// Loop makes a block device of a file of so many MiB, until the test ends.
func Loop(t testing.TB, mib uint64) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "disk")
	Change(t, host.CreateFile{Path: file, Mode: 0o600, UID: -1, GID: -1, Size: mib << 20})
	out, err := new(host.Local).Query(context.Background(), host.Cmd("losetup", "--find", "--show", "--", file))
	if err != nil {
		NotRun(t, "block devices: "+err.Error())
	}
	device := strings.TrimSuffix(string(out), "\n")
	t.Cleanup(func() { Change(t, host.Cmd("losetup", "--detach", device)) })
	return device
}

// NeedsLab ends a test of what only the lab's kernel and servers can do, anywhere else: loudly.
func NeedsLab(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("POOLCTL_LAB") == "" {
		t.Skipf("NOT RUN: %s: it needs the lab (scripts/lab, POOLCTL_LAB=1)", what)
	}
}

// QuickKeys has qemu-img spend 10 ms of the processor on each passphrase of LUKS until the test ends, not 2 s.
func QuickKeys(t *testing.T) {
	t.Helper()
	quick, err := filepath.Abs("../../testdata/bin/quick-luks")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	Change(t, host.Symlink{Target: quick, Link: dir + "/qemu-img"})
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}
