package host

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// private tells a test process that it has a mount namespace of its own, and a directory where it may mount
// something.
const private = "POOLCTL_TEST_PRIVATE"

// TestMain runs the tests once more, in a mount namespace where they may mount what they like.
// (backendtest.Main is the same for the packages that may know it.)
func TestMain(m *testing.M) {
	if os.Geteuid() != 0 || os.Getenv(private) != "" {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "poolctl-host")
	if err != nil {
		os.Exit(1)
	}
	status := inPrivate(m, dir)
	_ = os.Remove(dir)
	os.Exit(status)
}

func inPrivate(m *testing.M, dir string) int {
	runtime.LockOSThread() // the parent that Pdeathsig means is the thread
	process, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), private+"="+dir),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys:   &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil { // no namespaces here: those who want to mount will say so
		return m.Run()
	}
	state, err := process.Wait()
	if err != nil || !state.Exited() {
		return 1
	}
	return state.ExitCode()
}

// notRun ends a test that this machine cannot run: loudly, and as a failure where everything is to be tested.
func notRun(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("POOLCTL_TEST_ALL") != "" {
		t.Fatalf("POOLCTL_TEST_ALL is set, but this machine cannot test %s", what)
	}
	t.Skipf("NOT RUN: %s", what)
}

// run runs a command of the machine, which has to work.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := (&Local{}).Query(context.Background(), Cmd(name, args...))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// needsMounts ends a test where nothing can be mounted that the machine does not see.
func needsMounts(t testing.TB) {
	t.Helper()
	if os.Getenv(private) == "" {
		notRun(t, "anything that is mounted: it needs root and a mount namespace")
	}
}

// mount mounts something until the test ends, at a new directory, which it returns.
func mount(t testing.TB, args ...string) string {
	t.Helper()
	needsMounts(t)
	dir := t.TempDir()
	if _, err := (&Local{}).Query(context.Background(), Cmd("mount", append(args, dir)...)); err != nil {
		notRun(t, err.Error())
	}
	t.Cleanup(func() { run(t, "umount", dir) })
	return dir
}

// tmpfs mounts a file system of so many KiB.
func tmpfs(t testing.TB, kib int) string {
	return mount(t, "-t", "tmpfs", "-o", "size="+strconv.Itoa(kib)+"k", "tmpfs")
}

var mountMemory = sync.OnceValue(func() error {
	_, err := (&Local{}).Query(context.Background(), Cmd("mount", "-t", "tmpfs", "tmpfs", os.Getenv(private)))
	return err
})

// scratch returns a directory for files that stand for disks. It is in memory, where nothing waits for a real
// one.
func scratch(t testing.TB) string {
	t.Helper()
	if os.Getenv(private) == "" || mountMemory() != nil {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(os.Getenv(private), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// disk makes a file system in a file of 512 MiB, of which XFS needs 300, and mounts it.
func disk(t testing.TB, mkfs ...string) string {
	t.Helper()
	file := filepath.Join(scratch(t), "disk")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 512<<20); err != nil {
		t.Fatal(err)
	}
	if _, err := (&Local{}).Query(context.Background(), Cmd(mkfs[0], append(mkfs[1:], file)...)); err != nil {
		notRun(t, strings.Join(mkfs, " ")+": "+err.Error())
	}
	return mount(t, "-o", "loop", file)
}

// loop makes a block device of so many MiB.
func loop(t testing.TB, mib int64) string {
	t.Helper()
	file := filepath.Join(scratch(t), "disk")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, mib<<20); err != nil {
		t.Fatal(err)
	}
	out, err := (&Local{}).Query(context.Background(), Cmd("losetup", "--find", "--show", "--", file))
	if err != nil {
		notRun(t, "block devices: "+err.Error())
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() { run(t, "losetup", "--detach", device) })
	return device
}
