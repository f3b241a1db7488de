package commands

import (
	"bytes"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"poolctl/backend/backendtest"
)

// A hang is a verb that waits for another process that never acts.
type hang struct {
	place, args string
	prepare     func(*waiter)
	waits       func(*waiter) bool
	status      int // 0 means statusInterrupted
}

// TestSignals sends a signal to each verb at each point where it can wait. The verb must end with the
// documented status and leave nothing behind.
func TestSignals(t *testing.T) {
	for _, h := range hangs {
		for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			t.Run(h.place+"/"+unix.SignalName(s), func(t *testing.T) {
				t.Parallel()
				h.signal(t, s)
			})
		}
	}
}

// TestNohup checks that SIGHUP stays ignored under nohup(1), so that a verb continues when its terminal
// closes.
func TestNohup(t *testing.T) {
	w := newWaiter(t)
	w.cmd = w.command("pool-define", "fifo")
	w.cmd.Args = append([]string{"sh", "-c", `trap "" HUP; exec "$0" "$@"`}, w.cmd.Args...)
	w.cmd.Path = "/bin/sh"
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.cmd.Process.Kill(); _ = w.cmd.Wait() })
	backendtest.Eventually(t, "it waits", func() bool { return opening("fifo")(w) })
	_, ignored, _ := strings.Cut(w.read(fmt.Sprintf("/proc/%d/status", w.cmd.Process.Pid)), "SigIgn:")
	mask, err := strconv.ParseUint(strings.Fields(ignored)[0], 16, 64)
	if err != nil || mask&(1<<(syscall.SIGHUP-1)) == 0 {
		t.Errorf("SIGHUP is not ignored: %#x %v", mask, err)
	}
}

var hangs = []hang{
	{place: "open a definition", args: "pool-define fifo", waits: opening("fifo")},
	{place: "read a definition", args: "pool-define fifo", prepare: holds("fifo"), waits: has("fifo")},
	{place: "read a definition from stdin", args: "pool-define -", prepare: silentStdin, waits: reading(0)},
	{place: "open a volume's definition", args: "vol-create images fifo", waits: opening("fifo")},
	{place: "open a secret's definition", args: "secret-define fifo", waits: opening("fifo")},
	{place: "open a value", args: "secret-set-value ceph --file fifo", waits: opening("fifo")},
	{place: "read a value from stdin", args: "secret-set-value ceph", prepare: silentStdin, waits: reading(0)},
	{place: "ask for a value", args: "secret-set-value ceph", prepare: onTerminal,
		waits: shows("Enter new value")},
	{place: "open for upload", args: "vol-upload a fifo images", waits: opening("fifo")},
	{place: "read for upload", args: "vol-upload a fifo images", prepare: holds("fifo"), waits: has("fifo")},
	{place: "read stdin for upload", args: "vol-upload a - images", prepare: silentStdin, waits: reading(0)},
	{place: "open for download", args: "vol-download a fifo images", waits: has("fifo")},
	{place: "write a download", args: "vol-download big fifo images", prepare: holds("fifo"),
		waits: has("fifo")},
	{place: "write a download to stdout", args: "vol-download big - images", prepare: fullStdout,
		waits: has("images/big")},
	{place: "write a listing", args: "vol-list images -o json", prepare: many, waits: writing(1)},
	{place: "write an error", args: "pool-info missing", prepare: fullStderr, waits: writing(2),
		status: statusNotFound},
	{place: "show progress", args: "vol-upload huge - images", prepare: stoppedTerminal, waits: writing(2)},
	{place: "lock a pool", args: "pool-destroy images", prepare: locks("pools/images.lock"),
		waits: shows("waiting:")},
	{place: "lock definitions", args: "pool-define images.yaml", prepare: locks("definitions.lock"),
		waits: shows("waiting:")},
	{place: "lock a pool in a batch", args: "pool-destroy images; vol-create-as images new 4K", prepare: batched,
		waits: shows("waiting:")},
	{place: "read verbs", args: "-", prepare: silentStdin, waits: reading(0)},
	{place: "an editor", args: "pool-edit images", prepare: programs("vi"), waits: started},
	{place: "edit again", args: "pool-edit images", prepare: spoil, waits: shows("Edit again?")},
	{place: "a program that changes", args: "vol-create-as images new 1M --format qcow2",
		prepare: programs("qemu-img"),
		waits:   started},
	{place: "a program that looks", args: "find-storage-pool-sources-as logical",
		prepare: programs("vgs", "lvs", "pvs"),
		waits:   started},
	{place: "a program for a server", args: "find-storage-pool-sources-as netfs 127.0.0.1",
		prepare: programs("showmount"), waits: started},
	{place: "an iSCSI server", args: "find-storage-pool-sources-as iscsi-direct 127.0.0.1 PORT iqn.2026-01.a:b",
		prepare: server, waits: connected},
	{place: "a Ceph monitor", args: "pool-start ceph", prepare: server, waits: connected},
	{place: "a plugin", args: "check ceph", prepare: marked, waits: connected, status: statusUnknown},
}

// A waiter is a run of poolctl, in a directory with an active pool.
type waiter struct {
	*testing.T
	dir       string
	shown     string // the file with its output
	cmd       *exec.Cmd
	program   int           // PID of the program that it runs, set by started
	connected chan net.Conn // connections to the server
}

// signal runs the verb, sends a signal when it waits, and checks its status and the files.
func (h *hang) signal(t *testing.T, s syscall.Signal) {
	w := newWaiter(t)
	w.cmd = w.command(strings.Fields(h.args)...)
	if h.prepare != nil {
		h.prepare(w)
	}
	before := w.files()
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- w.cmd.Wait() }()
	t.Cleanup(func() { _ = w.cmd.Process.Kill() })
	backendtest.Eventually(t, h.args+" waits", func() bool { return len(ended) > 0 || h.waits(w) })
	if err := w.cmd.Process.Signal(s); err != nil {
		t.Fatalf("%v: %s", err, w.read(w.shown))
	}
	<-ended
	want := h.status
	if want == 0 {
		want = statusInterrupted
	}
	if state := w.cmd.ProcessState; state.ExitCode() != want {
		t.Errorf("%v, not status %d: %s", state, want, w.read(w.shown))
	}
	if after := w.files(); after != before {
		t.Errorf("before:\n%safter:\n%s", before, after)
	}
	if w.program != 0 {
		backendtest.Eventually(t, "the program has ended", func() bool { return syscall.Kill(w.program, 0) != nil })
	}
}

// TestInterruptedDocument interrupts verbs that print one document at their end. The document must have what
// was done or found before, and say that something is missing.
func TestInterruptedDocument(t *testing.T) {
	for _, test := range []struct {
		args    string
		prepare func(*waiter)
		waits   func(*waiter) bool
		status  int
		want    []string // parts of the document
	}{
		{"apply new.yaml -o json", waitingImage, started, statusInterrupted,
			[]string{`"action": "define"`, `"volume": "done.raw"`, `"added": 2`, `interrupted"`, `"problems"`}},
		{"autostart -o json", marked, connected, statusInterrupted, []string{`"name": "ceph"`, `"problems"`}},
		{"check -o json", marked, connected, statusUnknown,
			[]string{`"status":"unknown"`, `"id":"autostart-missing"`, `not checked: interrupted`}},
	} {
		t.Run(test.args, func(t *testing.T) {
			t.Parallel()
			w := newWaiter(t)
			w.cmd = w.command(strings.Fields(test.args)...)
			test.prepare(w)
			var out bytes.Buffer
			w.cmd.Stdout = &out
			if err := w.cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = w.cmd.Process.Kill() })
			backendtest.Eventually(t, "it waits", func() bool { return test.waits(w) })
			if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			_ = w.cmd.Wait()
			if got := w.cmd.ProcessState.ExitCode(); got != test.status {
				t.Errorf("the status is %d, not %d: %s", got, test.status, w.read(w.shown))
			}
			if count, err := checkJSON("poolctl "+test.args, out.String()); count == 0 || err != nil {
				t.Errorf("%d documents, %v: %s", count, err, out.String())
			}
			for _, part := range test.want {
				if !strings.Contains(out.String(), part) {
					t.Errorf("there is no %s in %s", part, out.String())
				}
			}
		})
	}
}

// waitingImage writes a definition with two volumes. The program that makes the second one never ends.
func waitingImage(w *waiter) {
	programs("qemu-img")(w)
	w.write("new.yaml", "type: dir\nname: new\ntarget: {path: "+w.dir+"/new}\n"+
		"state: {built: if-missing, active: true}\nvolumes:\n- {name: done.raw, capacity: 4096}\n"+
		"- {name: waits.qcow2, capacity: 4096, format: qcow2}\n", 0o600)
}

// marked enables the pool of the server for start at boot, so that check asks for it.
func marked(w *waiter) {
	server(w)
	w.run("pool-autostart", "ceph")
}

// batched makes one argument of the verbs, and locks the pool of the first.
func batched(w *waiter) {
	i := slices.Index(w.cmd.Args, "pool-destroy")
	w.cmd.Args = append(w.cmd.Args[:i:i], strings.Join(w.cmd.Args[i:], " "))
	locks("pools/images.lock")(w)
}

func newWaiter(t *testing.T) *waiter {
	w := &waiter{T: t, dir: t.TempDir()}
	w.shown = filepath.Join(t.TempDir(), "shown")
	w.run("pool-define-as", "images", "dir", "--target", w.dir+"/images")
	w.run("pool-start", "images", "--build")
	w.run("vol-create-as", "images", "a", "1M")
	w.run("vol-create-as", "images", "big", "4M")
	w.write("secret.xml", "<secret><usage type='ceph'><name>ceph</name></usage></secret>", 0o600)
	w.run("secret-define", "secret.xml")
	w.write("images.yaml", "name: images\ntype: dir\ntarget: {path: "+w.dir+"/images}\n", 0o600)
	if err := unix.Mkfifo(w.dir+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// command returns a command that runs poolctl with arguments and records its output.
func (w *waiter) command(args ...string) *exec.Cmd {
	cmd := exec.Command("poolctl", append([]string{"--lock-timeout", "1h", "--timeout", "1h"}, args...)...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "PATH="+w.dir+"/bin:"+os.Getenv("PATH"), "TMPDIR="+w.dir, "HOME="+w.dir,
		"EDITOR=vi", "VISUAL=",
		"POOLCTL_CONFIG_DIR="+w.dir+"/etc", "POOLCTL_RUN_DIR="+w.dir+"/run",
		"POOLCTL_LIBVIRT_DIR="+w.dir+"/libvirt", "POOLCTL_LIBVIRT_STATE_DIR="+w.dir+"/libvirt-state")
	shown := w.open(w.shown, os.O_WRONLY|os.O_CREATE|os.O_APPEND)
	cmd.Stdout, cmd.Stderr = shown, shown
	return cmd
}

func (w *waiter) run(args ...string) {
	w.Helper()
	if err := w.command(args...).Run(); err != nil {
		w.Fatalf("%v: %v: %s", args, err, w.read(w.shown))
	}
}

func (w *waiter) open(name string, flags int) *os.File {
	w.Helper()
	if !filepath.IsAbs(name) {
		name = filepath.Join(w.dir, name)
	}
	f, err := os.OpenFile(name, flags, 0o600)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { f.Close() })
	return f
}

func (w *waiter) write(name, text string, mode fs.FileMode) {
	w.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		w.Fatal(err)
	}
}

func (w *waiter) read(name string) string {
	if !filepath.IsAbs(name) {
		name = filepath.Join(w.dir, name)
	}
	text, _ := os.ReadFile(name)
	return string(text)
}

// files lists all files in the directory except locks, and files that programs leave in bin.
func (w *waiter) files() string {
	out, err := exec.Command("find", w.dir, "(", "-path", "*/run/locks", "-o", "-path", "*/bin", ")", "-prune",
		"-o", "-printf", `%p %m %s\n`).Output()
	if err != nil {
		w.Fatal(err)
	}
	lines := strings.Split(string(out), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// The functions that prepare a verb:

// holds opens both ends of a pipe, so that the pipe blocks.
func holds(name string) func(*waiter) {
	return func(w *waiter) { w.open(name, os.O_RDWR) }
}

// silentStdin makes standard input a pipe without data.
func silentStdin(w *waiter) {
	in, _ := w.pipe()
	w.cmd.Stdin = in
}

// fullStdout makes standard output a pipe that nobody reads.
func fullStdout(w *waiter) { _, w.cmd.Stdout = w.pipe() }

// pipe returns a pipe that stays open until the test ends.
func (w *waiter) pipe() (out, in *os.File) {
	out, in, err := os.Pipe()
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { out.Close(); in.Close() })
	return out, in
}

// fullStderr makes standard error a pipe that is full.
func fullStderr(w *waiter) {
	_, in := w.pipe()
	w.cmd.Stderr = in
	fill, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", in.Fd()), unix.O_WRONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		w.Fatal(err)
	}
	defer unix.Close(fill)
	for err == nil {
		_, err = unix.Write(fill, make([]byte, 512))
	}
}

// many creates so many volumes that their list does not fit into a pipe.
func many(w *waiter) {
	fullStdout(w)
	for i := range 500 {
		w.write(fmt.Sprintf("images/%0200d", i), "", 0o600)
	}
}

// locks takes a lock, and connects the verb to a terminal, where it reports that it waits.
func locks(name string) func(*waiter) {
	return func(w *waiter) {
		lock := w.open("run/locks/"+name, os.O_RDONLY)
		if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
			w.Fatal(err)
		}
		onTerminal(w)
	}
}

// onTerminal connects the verb to a terminal (pty(7)).
func onTerminal(w *waiter) {
	master, tty := openTerminal(w)
	w.Cleanup(func() {
		tty.Close()
		master.Close()
	})
	w.cmd.Stdin, w.cmd.Stdout, w.cmd.Stderr = tty, tty, tty
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	shown := w.open(w.shown, os.O_WRONLY|os.O_APPEND)
	go func() { _, _ = shown.ReadFrom(master) }()
	before, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		if after, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS); err != nil || *after != *before {
			w.Errorf("the terminal was %+v, and is %+v %v", before, after, err)
		}
	})
}

// stoppedTerminal connects the verb to a terminal that shows nothing, as after Ctrl-S, while data arrive
// slowly on standard input.
func stoppedTerminal(w *waiter) {
	w.run("vol-create-as", "images", "huge", "1G", "--allocation", "0")
	onTerminal(w)
	tty := w.cmd.Stderr.(*os.File)
	if err := unix.IoctlSetInt(int(tty.Fd()), unix.TCXONC, 0); err != nil { // TCOOFF (ioctl_tty(2))
		w.Fatal(err)
	}
	in, out := w.pipe()
	w.cmd.Stdin, w.cmd.SysProcAttr = in, nil
	go func() {
		for err := error(nil); err == nil; time.Sleep(50 * time.Millisecond) {
			_, err = out.Write(make([]byte, 1<<18))
		}
	}()
}

// programs replaces programs with ones that never end.
func programs(names ...string) func(*waiter) {
	return func(w *waiter) {
		for _, name := range names {
			w.write("bin/"+name, "#!/bin/sh\nexec sleep infinity\n", 0o700)
		}
	}
}

// spoil installs an editor that writes an invalid definition.
func spoil(w *waiter) {
	w.write("bin/vi", "#!/bin/sh\necho '<pool>' >\"$1\"\n", 0o700)
	onTerminal(w)
}

// server accepts connections and never answers.
func server(w *waiter) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { listener.Close() })
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	w.run("pool-define-as", "ceph", "rbd", "--source-host", "127.0.0.1", "--source-port", port, "--source-name",
		"p")
	if at := slices.Index(w.cmd.Args, "PORT"); at > 0 {
		w.cmd.Args[at] = port
	}
	w.connected = make(chan net.Conn, 8)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			w.connected <- c
		}
	}()
}

// The functions that report where a verb waits:

// connected reports whether the verb has connected to the server.
func connected(w *waiter) bool { return len(w.connected) > 0 }

// started reports whether one of the programs of a waiter runs. The programs cannot report it themselves,
// because qemu-img is confined.
func started(w *waiter) bool {
	children, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range children {
		var state string
		var parent int
		name, rest, _ := strings.Cut(w.read(file), ") ")
		_, err := fmt.Sscan(rest, &state, &parent)
		if err == nil && parent == w.cmd.Process.Pid && strings.HasSuffix(name, "(sleep") {
			w.program, _ = strconv.Atoi(filepath.Base(filepath.Dir(file)))
		}
	}
	return w.program != 0
}

// shows reports whether the verb has printed a text.
func shows(text string) func(*waiter) bool {
	return func(w *waiter) bool { return strings.Contains(w.read(w.shown), text) }
}

// has reports whether the verb has a file open.
func has(name string) func(*waiter) bool {
	return func(w *waiter) bool {
		fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", w.cmd.Process.Pid))
		return slices.ContainsFunc(fds, func(fd string) bool {
			path, _ := os.Readlink(fd)
			return path == filepath.Join(w.dir, name)
		})
	}
}

// reading reports whether the verb reads from a file descriptor.
func reading(fd uint64) func(*waiter) bool {
	return func(w *waiter) bool {
		return w.inCall(func(call, first, _ uint64) bool { return call == unix.SYS_READ && first == fd })
	}
}

// writing reports whether the verb writes to a file descriptor.
func writing(fd uint64) func(*waiter) bool {
	return func(w *waiter) bool {
		return w.inCall(func(call, first, _ uint64) bool { return call == unix.SYS_WRITE && first == fd })
	}
}

// opening reports whether the verb is opening a file.
func opening(name string) func(*waiter) bool {
	return func(w *waiter) bool {
		return w.inCall(func(call, _, second uint64) bool {
			return call == unix.SYS_OPENAT && w.memory(second) == name
		})
	}
}

// inCall reports whether a thread of the verb is in a system call that is accepts (proc_pid_syscall(5)).
func (w *waiter) inCall(is func(call, first, second uint64) bool) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", w.cmd.Process.Pid))
	return slices.ContainsFunc(threads, func(file string) bool {
		var numbers [3]uint64
		words := strings.Fields(w.read(file))
		for i := range min(len(words), len(numbers)) {
			numbers[i], _ = strconv.ParseUint(words[i], 0, 64)
		}
		return len(words) > len(numbers) && is(numbers[0], numbers[1], numbers[2])
	})
}

// memory returns the text at an address in the verb's memory.
func (w *waiter) memory(at uint64) string {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", w.cmd.Process.Pid))
	if err != nil {
		return ""
	}
	defer f.Close()
	text := make([]byte, 256)
	n, _ := f.ReadAt(text, int64(at))
	text, _, _ = bytes.Cut(text[:n], []byte{0})
	return string(text)
}
