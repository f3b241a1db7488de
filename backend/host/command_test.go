package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestShell(t *testing.T) {
	for _, test := range []struct {
		command Command
		want    string
	}{
		{Cmd("true"), "true"},
		{Cmd("qemu-img", "create", "a b", ""), "qemu-img create 'a b' ''"},
		{Command{Name: "qemu-img", Args: []string{"info", "./x"}, Dir: "/a b"}, "(cd '/a b' && qemu-img info ./x)"},
		{Command{Name: "cat", Stdin: "a b"}, "echo 'a b' | cat"},
	} {
		if got := test.command.Shell(); got != test.want {
			t.Errorf("%+v: got %s, want %s", test.command, got, test.want)
		}
	}
}

func TestQueryWithoutShellOrSurroundings(t *testing.T) {
	t.Setenv("LC_ALL", "de_DE.UTF-8")
	t.Setenv("SECRET", "x")
	if got := run(t, "env"); got != "BLKID_FILE=/dev/null\nLC_ALL=C\n"+
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n" {
		t.Errorf("the environment of a command is\n%s", got)
	}
	if got := run(t, "echo", "$HOME; id"); got != "$HOME; id\n" {
		t.Errorf("echo printed %q", got)
	}
	if got := run(t, "cat"); got != "" {
		t.Errorf("a command read %q from the test's standard input", got)
	}
	if got := run(t, "pwd"); got != "/\n" {
		t.Errorf("a command runs in %q", got)
	}
	dir := t.TempDir()
	out, err := (&Local{}).Query(context.Background(), Command{Name: "pwd", Dir: dir})
	if string(out) != dir+"\n" {
		t.Errorf("a command runs in %q, error %v; want %q", out, err, dir)
	}
}

func TestToolIsFound(t *testing.T) {
	front := t.TempDir()
	if err := os.WriteFile(filepath.Join(front, "chroot"), []byte("#!/bin/sh\necho in front\n"),
		0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", "/bin") // cron's PATH has no sbin
	if got := run(t, "chroot", "--version"); !strings.Contains(got, "coreutils") {
		t.Errorf("chroot, in /usr/sbin, printed %q", got)
	}
	t.Setenv("PATH", front)
	if got := run(t, "chroot"); got != "in front\n" {
		t.Errorf("the chroot earlier in PATH printed %q", got)
	}
	t.Chdir(front)
	t.Setenv("PATH", ".")
	if got := run(t, "chroot", "--version"); !strings.Contains(got, "coreutils") {
		t.Errorf("a chroot of the working directory printed %q", got)
	}
}

func TestToolIsMissing(t *testing.T) {
	for _, name := range []string{"poolctl-no-such-tool", "/no/such/tool"} {
		_, err := (&Local{}).Query(context.Background(), Cmd(name))
		if missing, ok := errors.AsType[*ToolError](err); !ok || missing.Tool != name || missing.Package() != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := (&ToolError{Tool: "qemu-img"}).Package(); got != "qemu-utils" {
		t.Errorf("qemu-img is in %s", got)
	}
	_, err := (&Local{}).Query(context.Background(), Command{Name: "true", Dir: "/no/such"})
	if _, ok := errors.AsType[*ToolError](err); err == nil || ok {
		t.Errorf("with a missing directory: %v", err)
	}
}

func TestQueryFails(t *testing.T) {
	for script, want := range map[string]string{
		"echo out; echo ' why ' >&2; exit 3": "sh failed with status 3: why",
		"exit 1":                             "sh failed with status 1: no message",
		"kill -9 $$":                         "sh was killed by a signal (killed): no message",
	} {
		out, err := (&Local{}).Query(context.Background(), Cmd("sh", "-c", script))
		if _, ok := errors.AsType[*ExitError](err); !ok || err.Error() != want {
			t.Errorf("%s: got %v, want %s", script, err, want)
		}
		if strings.Contains(script, "out") && string(out) != "out\n" {
			t.Errorf("%s: it printed %q before it failed", script, out)
		}
	}
}

// TestCancelEndsChildren cancels a command whose child does not end by itself, and one whose child ignores
// SIGTERM.
func TestCancelEndsChildren(t *testing.T) {
	defer func(d time.Duration) { killAfter = d }(killAfter)
	killAfter = 300 * time.Millisecond
	for name, script := range map[string]string{
		"told":     `trap 'echo told >told; exit' TERM; sleep 1000 & echo $! >pid; wait`,
		"stubborn": `trap '' TERM; sleep 1000 & echo $! >pid; wait; sleep 1000`,
		"orphan":   `(trap '' TERM; sleep 1000) & echo $! >pid; exec sleep 1000`,
		"silent":   `(trap '' TERM; exec sleep 1000) >/dev/null 2>&1 & echo $! >pid; exec sleep 1000`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() {
				ended <- (&Local{}).Change(ctx, Command{Name: "sh", Args: []string{"-c", script},
					Dir: dir})
			}()
			waitFor(t, "there is a child", func() bool { return read(t, dir+"/pid") != "" })
			cancel()
			if err := soon(t, "the command", func() error { return <-ended }); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if name == "told" && read(t, dir+"/told") == "" {
				t.Error("the child received no SIGTERM")
			}
			pid := strings.TrimSpace(read(t, dir+"/pid"))
			waitFor(t, "the child has ended", func() bool { return !alive(t, pid) })
		})
	}
}

// TestChildHoldsPipe runs a command that leaves a daemon behind, which holds its standard output: the command
// has succeeded.
func TestChildHoldsPipe(t *testing.T) {
	defer func(d time.Duration) { killAfter = d }(killAfter)
	killAfter = 300 * time.Millisecond
	dir := t.TempDir()
	var out []byte
	err := soon(t, "the command", func() (err error) {
		out, err = (&Local{}).Query(context.Background(), Command{Name: "sh",
			Args: []string{"-c", "echo done; sleep 1000 & echo $! >pid"}, Dir: dir})
		return err
	})
	if string(out) != "done\n" || err != nil {
		t.Errorf("got %q, %v", out, err)
	}
	pid := strings.TrimSpace(read(t, dir+"/pid"))
	if !alive(t, pid) {
		t.Error("the daemon was killed")
	}
	run(t, "kill", pid)
}

func TestCancelledBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	file := filepath.Join(t.TempDir(), "file")
	for _, s := range []Step{Cmd("touch", file), CreateFile{Path: file, UID: -1, GID: -1}, Mkdir{file, 0o755}} {
		if err := (&Local{}).Change(ctx, s); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", s.Shell(), err)
		}
	}
	if _, err := os.Lstat(file); err == nil {
		t.Error("a cancelled step created a file")
	}
}

// read returns the content of a file, or "" if it does not exist.
func read(t testing.TB, path string) string {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	return string(data)
}

// alive reports whether a process runs. A zombie does not.
func alive(t testing.TB, pid string) bool {
	stat := read(t, fmt.Sprintf("/proc/%s/stat", pid))
	return stat != "" && !strings.Contains(stat, ") Z ")
}

// TestRetryOn runs a command that fails temporarily, and others that must not be retried.
func TestRetryOn(t *testing.T) {
	defer func(patient time.Duration) { retryFor = patient }(retryFor)
	const never = 1 << 30
	for _, test := range []struct {
		least, most int // how often the command runs
		fails       int // how often it fails
		again       string
		limit       time.Duration // after which it is not retried
	}{{12, 12, 11, "bad luck", far}, {1, never, never, "bad luck", time.Second}, {1, 1, never, "", far},
		{1, 1, never, "other luck", far}} {
		retryFor = test.limit
		file := filepath.Join(t.TempDir(), "runs")
		script := fmt.Sprintf(`cat <&3 >>%[1]s; [ $(wc -l <%[1]s) -gt %[2]d ] || { echo "bad luck" >&2; exit 1; }`,
			file, test.fails)
		c := Command{Name: "sh", Args: []string{"-c", script}, RetryOn: test.again,
			Inputs: []Input{{Data: []byte("x\n")}}}
		err := (&Local{}).Change(t.Context(), c)
		if test.limit < far { // a query is retried for a second
			_, err = (&Local{}).Query(t.Context(), c)
		}
		text, _ := os.ReadFile(file)
		if got := strings.Count(string(text), "x"); got < test.least || got > test.most ||
			(err == nil) != (test.fails < test.least) {
			t.Errorf("%+v: the command ran %d times, error %v", test, got, err)
		}
	}
}
