package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// serves returns a command that runs a script, which mounts a file system at /mnt, and then stays.
func serves(script string) Command { return Cmd("sh", "-ec", script+"; exec sleep 1000") }

func needsNamespaces(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT RUN without root: programs in mount namespaces of their own")
	}
}

func client(c Command, limit time.Duration) Client {
	return Client{Command: c, At: "/mnt", Shown: "/mnt/shown", Limit: limit}
}

// TestMountPrivate mounts a file system that only the program and this process see.
func TestMountPrivate(t *testing.T) {
	needsNamespaces(t)
	l := &Local{}
	// the file system at /mnt is complete
	c := serves("mount -t tmpfs tmpfs /tmp; mkdir /tmp/dir; mount --bind /tmp /mnt")
	s, err := l.MountPrivate(t.Context(), client(c, far))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Change(t.Context(), WriteFile{Path: s.Root + "/dir/file", Data: []byte("text")}); err != nil {
		t.Error(err)
	}
	if out, err := l.Query(t.Context(), Cmd("cat", s.Root+"/dir/file")); string(out) != "text" || err != nil {
		t.Errorf("another child process read %q, error %v", out, err)
	}
	if _, err := os.Stat("/mnt/dir"); err == nil {
		t.Error("the file system is visible at /mnt")
	}
	if again, err := l.MountPrivate(t.Context(), client(c, far)); again != s || err != nil {
		t.Errorf("the same command ran again: error %v", err)
	}
	var text strings.Builder
	for _, h := range []Host{NewDryRun(l, &text), NewTrace(l, &text)} {
		_, err := h.MountPrivate(t.Context(), client(c, far))
		if err := errors.Join(err, h.Change(t.Context(), Mkdir{Path: s.Root + "/new", Mode: 0o700})); err != nil {
			t.Error(err)
		}
	}
	const want = "mkdir -m 0700 /mnt/shown/new\n? "
	if got := text.String(); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "+ "+want[:len(want)-2]) {
		t.Errorf("dry run and trace are %q", got)
	}
	if s.Silent() {
		t.Error("the file system does not respond")
	}
	waitFor(t, "the program has ended", func() bool {
		stop("sleep\x001000\x00") // which may still be running
		return isClosed(s.ended)
	})
	other, err := l.MountPrivate(t.Context(), client(c, far))
	if err != nil || other.Root == s.Root {
		t.Errorf("after its program ended, it was mounted at %v, error %v", other, err)
	}
}

// stop kills the child processes with a command line.
func stop(words string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		said, _ := os.ReadFile(f)
		status, _ := os.ReadFile(filepath.Dir(f) + "/status")
		if string(said) == words && strings.Contains(string(status), "\nPPid:\t"+strconv.Itoa(os.Getpid())+"\n") {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			_ = unix.Kill(pid, unix.SIGKILL) // the process may have ended just now
		}
	}
}

// TestMountPrivateFails runs programs that do not mount a file system.
func TestMountPrivateFails(t *testing.T) {
	needsNamespaces(t)
	l := &Local{}
	exit, missing := (*ExitError)(nil), (*ToolError)(nil)
	_, err := l.MountPrivate(t.Context(), client(Cmd("sh", "-c", "echo trouble >&2; exit 3"), far))
	if !errors.As(err, &exit) || exit.Status != 3 || exit.Stderr != "trouble" {
		t.Errorf("a program that fails: error %v", err)
	}
	if _, err := l.MountPrivate(t.Context(), client(Cmd("true"), far)); !errors.As(err, &exit) {
		t.Errorf("a program that ends: error %v", err)
	}
	noTool := Cmd("poolctl-no-such-tool")
	if _, err := l.MountPrivate(t.Context(), client(noTool, far)); !errors.As(err, &missing) {
		t.Errorf("a program that is not installed: error %v", err)
	}
	s, err := l.MountPrivate(t.Context(), client(serves("true"), 300*time.Millisecond))
	if !errors.Is(err, context.DeadlineExceeded) || !s.Silent() {
		t.Errorf("a program that mounts nothing: error %v", err)
	}
	<-s.ended
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.MountPrivate(cancelled, client(serves("sleep 0"), far)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
}
