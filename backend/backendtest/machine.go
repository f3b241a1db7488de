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

// privateVariable is set in test processes that have their own mount namespace.
const privateVariable = "POOLCTL_TEST_PRIVATE"

// Main runs a package's tests in their own mount namespace, in which tests can mount freely. Call it from
// TestMain.
func Main(m *testing.M) {
	if os.Geteuid() != 0 || os.Getenv(privateVariable) != "" {
		os.Exit(m.Run())
	}
	runtime.LockOSThread() // Pdeathsig applies to the parent thread
	process, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), privateVariable+"=1"),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys:   &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil { // no namespaces on this machine: tests that mount will report that
		os.Exit(m.Run())
	}
	state, err := process.Wait()
	if err != nil || !state.Exited() {
		os.Exit(1)
	}
	os.Exit(state.ExitCode())
}

// NotRun skips a test that this machine cannot run. With POOLCTL_TEST_ALL set, the test fails instead.
func NotRun(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("POOLCTL_TEST_ALL") != "" {
		t.Fatalf("POOLCTL_TEST_ALL is set, but this machine cannot test %s", what)
	}
	t.Skipf("NOT RUN: %s", what)
}

// Pause stops processes until the test ends or resume is called. When Pause returns, no thread of the
// processes runs. kill(2) alone does not guarantee that: it returns before all threads have stopped, and on a
// busy machine one of them may still answer a client.
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
		Eventually(t, fmt.Sprintf("process %d is stopped", pid), func() bool {
			return allThreadsStopped(pid)
		})
	}
	return resume
}

// allThreadsStopped reports whether all threads of a process are stopped, by the state field after the name
// in stat (proc_pid_stat(5)).
func allThreadsStopped(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	return !slices.ContainsFunc(threads, func(file string) bool {
		stat, err := os.ReadFile(file)
		return err == nil && !strings.HasPrefix(string(stat[bytes.LastIndexByte(stat, ')'):]), ") T")
	})
}

// Change applies steps, and fails the test if one fails.
func Change(t testing.TB, steps ...host.Step) {
	t.Helper()
	for _, s := range steps {
		if err := new(host.Local).Change(context.Background(), s); err != nil {
			t.Fatalf("%s: %v", s.Shell(), err)
		}
	}
}

// Mount mounts something at a new directory until the test ends, and returns the directory.
func Mount(t testing.TB, args ...string) string {
	t.Helper()
	if os.Getenv(privateVariable) == "" {
		NotRun(t, "mounts: they need root and a mount namespace")
	}
	dir := t.TempDir()
	if err := new(host.Local).Change(context.Background(),
		host.Cmd("mount", append(args, dir)...)); err != nil {
		NotRun(t, err.Error())
	}
	t.Cleanup(func() { Change(t, host.Cmd("umount", dir)) })
	return dir
}

// Disk creates a file system in a file of 128 MiB with a command such as mkfs.ext4 -q, mounts it, and returns
// the mount point.
func Disk(t testing.TB, mkfs ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "disk")
	Change(t, host.CreateFile{Path: file, Mode: 0o600, UID: -1, GID: -1, Size: 128 << 20})
	if err := new(host.Local).Change(context.Background(),
		host.Cmd(mkfs[0], append(mkfs[1:], file)...)); err != nil {
		NotRun(t, err.Error())
	}
	return Mount(t, "-o", "loop", file)
}

// Tree prints everything below a directory, for Options.Snapshot: types, modes, owners, and the contents and
// modification times of files. The times of directories are omitted, because they change whenever a name
// appears and disappears.
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

// TreeAndMounts prints a Tree and the mounts in it.
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

// digest describes the content of a file (a hash of its first MiB) or the target of a link.
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

// Loop creates a loop device of mib MiB until the test ends.
func Loop(t testing.TB, mib uint64) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "disk")
	Change(t, host.CreateFile{Path: file, Mode: 0o600, UID: -1, GID: -1, Size: mib << 20})
	out, err := new(host.Local).Query(context.Background(),
		host.Cmd("losetup", "--find", "--show", "--", file))
	if err != nil {
		NotRun(t, "block devices: "+err.Error())
	}
	device := strings.TrimSuffix(string(out), "\n")
	t.Cleanup(func() { Change(t, host.Cmd("losetup", "--detach", device)) })
	removePartitions(t, device)
	return device
}

// removePartitions removes the partitions that the kernel keeps when another disk is detached from a loop
// device. As long as there are any, libblkid does not look for a file system on the whole device.
func removePartitions(t testing.TB, device string) {
	name := filepath.Base(device)
	left, err := filepath.Glob("/sys/block/" + name + "/" + name + "p*")
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		Change(t, host.Cmd("partx", "--delete", device))
	}
}

// NeedsLab skips a test outside the lab, because it needs the lab's kernel or servers.
func NeedsLab(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("POOLCTL_LAB") == "" {
		t.Skipf("NOT RUN: %s: it needs the lab (scripts/lab, POOLCTL_LAB=1)", what)
	}
}

// QuickKeys makes qemu-img spend 10 ms of processor time on each LUKS passphrase instead of 2 s, until the
// test ends.
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
