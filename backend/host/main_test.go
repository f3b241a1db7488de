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

// private is an environment variable of a test process that runs in a mount namespace of its own. Its value
// is a directory where the process may mount file systems.
const private = "POOLCTL_TEST_PRIVATE"

// TestMain runs the tests again in a mount namespace of their own. (backendtest.Main does the same for
// packages that may import it.)
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
	runtime.LockOSThread() // Pdeathsig refers to the parent thread
	process, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), private+"="+dir),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys:   &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil { // no namespaces here: tests that need to mount are skipped
		return m.Run()
	}
	state, err := process.Wait()
	if err != nil || !state.Exited() {
		return 1
	}
	return state.ExitCode()
}

// notRun skips a test that this machine cannot run, or fails it if POOLCTL_TEST_ALL is set.
func notRun(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("POOLCTL_TEST_ALL") != "" {
		t.Fatalf("POOLCTL_TEST_ALL is set, but this machine cannot test %s", what)
	}
	t.Skipf("NOT RUN: %s", what)
}

// run runs a command, which must succeed.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := (&Local{}).Query(context.Background(), Cmd(name, args...))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// needsMounts skips a test unless the process runs in a mount namespace of its own.
func needsMounts(t testing.TB) {
	t.Helper()
	if os.Getenv(private) == "" {
		notRun(t, "anything that is mounted: it needs root and a mount namespace")
	}
}

// mount mounts a file system at a new directory, which it returns, until the test ends.
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

// tmpfs mounts a tmpfs with a size in KiB.
func tmpfs(t testing.TB, kib int) string {
	return mount(t, "-t", "tmpfs", "-o", "size="+strconv.Itoa(kib)+"k", "tmpfs")
}

var mountMemory = sync.OnceValue(func() error {
	_, err := (&Local{}).Query(context.Background(), Cmd("mount", "-t", "tmpfs", "tmpfs", os.Getenv(private)))
	return err
})

// scratch returns a directory for files that act as disks. It is in memory, so that nothing waits for a real
// disk.
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

// disk creates a file system in a file of 512 MiB, of which XFS needs 300, and mounts it.
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

// loop creates a block device with a size in MiB.
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
