package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"poolctl/fault"
)

// A Command is a program and its arguments. It is run without a shell, in the C locale.
type Command struct {
	Name   string
	Args   []string
	Dir    string // where it runs; empty: /
	Inputs []Input
	Stdin  string // what it reads from its standard input, a line; empty: nothing
	// Watch, if not nil, is given what the command prints when it does, and Query is not.
	OnOutput func(printed []byte)
	// Again, if not empty, is in what the command says when it fails for no reason that lasts. Then it is run again, for a while.
	RetryOn string
	// Quiet says that the command has failed if it says anything on standard error, whatever its status.
	FailOnStderr bool
	// ReadOnly keeps a command that only looks from opening devices for writing, at the end of which udev would look at them all anew.
	ReadOnly bool
	// Confined, if not nil, is all that the command may reach.
	Confined *Confinement
	// Attended says that the command is ended when it has done nothing for as long as Local.Silence. The error wraps
	// context.DeadlineExceeded then.
	EndIfIdle bool

	files         []*os.File // that it has open, from descriptor 3 on
	stdin, stdout *os.File   // the end of a pipe
}

// An Input is what a command has at a file descriptor, the first at 3: what nobody else is to see, or a file that is open already.
type Input struct {
	File    string // where a shell finds the same
	Heredoc string // if not empty: the shell's here-document that is the same
	Data    []byte
	Open    *os.File // in place of Data: what the command opens anew by /dev/fd/N; it may open nothing itself (Held.Pin)
	Late    bool     // so is File, when the command is run
	Write   bool     // the command may open it for writing
}

// Cmd returns a command.
func Cmd(name string, args ...string) Command { return Command{Name: name, Args: args} }

// Shell prints the command as one would type it.
func (c Command) Shell() string {
	words := make([]string, 0, len(c.Args)+1)
	for _, w := range append([]string{c.Name}, c.Args...) {
		words = append(words, Quote(w))
	}
	here := ""
	for i, in := range c.Inputs {
		if in.Heredoc == "" {
			direction := "<"
			if in.Write {
				direction = "<>"
			}
			words = append(words, fmt.Sprintf("%d%s%s", 3+i, direction, Quote(in.File)))
			continue
		}
		words = append(words, fmt.Sprintf("%d<<END", 3+i))
		here += "\n" + in.Heredoc + "\nEND"
	}
	if here != "" {
		return strings.Join(words, " ") + here
	}
	if c.Stdin != "" {
		words = append([]string{"echo", Quote(c.Stdin), "|"}, words...)
	}
	if c.Dir != "" {
		return "(cd " + Quote(c.Dir) + " && " + strings.Join(words, " ") + ")"
	}
	return strings.Join(words, " ")
}

func (c Command) apply(ctx context.Context, l *Local) error {
	_, err := l.retry(ctx, c, killAfter, againFor)
	return err
}

// killAfter is how long a command and its children may take to end when they have been told to. (Tests are less patient.)
var killAfter = 5 * time.Second

// againFor is how long a command is run again that fails for no reason that lasts; one that only looks for a second. (Tests are less patient.)
var againFor = 20 * time.Second

// Query implements Host. A program that is not there is a ToolError, one that fails an ExitError. When ctx ends, the command
// and its children are told to end by SIGTERM, and after killAfter, or a second if they only look, by SIGKILL; the error is then ctx's. A
// command that ends well while a child of it goes on, as a daemon does, has worked.
func (l *Local) Query(ctx context.Context, c Command) ([]byte, error) {
	return l.retry(ctx, c, min(killAfter, time.Second), min(againFor, time.Second))
}

func (l *Local) retry(ctx context.Context, c Command, patience, limit time.Duration) ([]byte, error) {
	for begin := time.Now(); ; {
		out, err := l.run(ctx, c, patience)
		exit := (*ExitError)(nil)
		if time.Since(begin) > limit || c.RetryOn == "" || !errors.As(err, &exit) || !strings.Contains(exit.Stderr, c.RetryOn) {
			return out, err
		}
		time.Sleep(rand.N(20 * time.Millisecond)) // not always at the same point of the kernel's tick
	}
}

func (l *Local) run(ctx context.Context, c Command, patience time.Duration) ([]byte, error) {
	path, err := lookTool(c.Name)
	if err != nil {
		return nil, err
	}
	asked := ctx
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	cmd := exec.CommandContext(ctx, path, c.Args...)
	dir, leave, err := l.workDir(c.Dir)
	if err != nil {
		return nil, err
	}
	defer leave()
	cmd.Dir = dir
	cmd.Env = environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for us: we tell it in our own time
	group := func(s syscall.Signal) error { return syscall.Kill(-cmd.Process.Pid, s) }
	cmd.Cancel = func() error { return group(syscall.SIGTERM) }
	cmd.WaitDelay = patience // also for children that hold its output
	stdout, stderr := &output{room: mostOutput}, &output{room: mostComplaint, cuts: true}
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = stdout, stderr, c.files
	c.connect(cmd)
	opened, err := c.openInputs(l)
	defer closeAll(opened)
	if err != nil {
		return nil, err
	}
	for _, in := range c.Inputs {
		cmd.ExtraFiles = append(cmd.ExtraFiles, in.Open)
	}
	stdout.full = func() { end(fmt.Errorf("it prints more than %d bytes", mostOutput)) }
	if c.Confined != nil && l.Unconfined != nil && landlockRights() == 0 {
		l.Unconfined(c)
	}
	if err = c.start(cmd); err == nil {
		if c.EndIfIdle && l.IdleLimit > 0 {
			defer silenceOf(cmd.Process.Pid, l.IdleLimit, end)()
		}
		err = wait(ctx, cmd, patience+time.Second)
	}
	exit := (*exec.ExitError)(nil)
	switch {
	case err == nil && c.FailOnStderr && stderr.kept.Len() > 0:
		return stdout.kept.Bytes(), &ExitError{Command: c, Stderr: c.complaint(stderr.kept.String())}
	case err == nil, errors.Is(err, exec.ErrWaitDelay) && ctx.Err() == nil:
		return stdout.kept.Bytes(), nil
	case ctx.Err() != nil:
		if cmd.Process != nil {
			_ = group(syscall.SIGKILL)
		}
		return nil, fmt.Errorf("%s: %w", c.Name, cmp.Or(asked.Err(), context.Cause(ctx)))
	case errors.As(err, &exit):
		signal := exit.Sys().(syscall.WaitStatus).Signal()
		return stdout.kept.Bytes(), &ExitError{Command: c, Status: exit.ExitCode(), Signal: signal, Stderr: c.complaint(stderr.kept.String())}
	}
	return nil, err
}

// connect sets what a command reads and writes that is no buffer.
func (c Command) connect(cmd *exec.Cmd) {
	if c.Stdin != "" {
		cmd.Stdin = strings.NewReader(c.Stdin + "\n")
	}
	if c.OnOutput != nil {
		cmd.Stdout = watcher(c.OnOutput)
	}
	if c.stdin != nil {
		cmd.Stdin = c.stdin
	}
	if c.stdout != nil {
		cmd.Stdout = c.stdout
	}
}

// openInputs opens the inputs that are not, and returns those files, which are to be closed whatever the error.
func (c *Command) openInputs(l *Local) (opened []*os.File, err error) {
	c.Inputs = slices.Clone(c.Inputs)
	for i := range c.Inputs {
		if in := &c.Inputs[i]; in.Open == nil {
			if in.Open, err = in.open(l); err != nil {
				return opened, err
			}
			opened = append(opened, in.Open)
		}
	}
	return opened, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// start starts a command that is ready, restricted as it has to be.
func (c Command) start(cmd *exec.Cmd) error {
	switch {
	case c.ReadOnly:
		return apart(forbidWriting, cmd.Start)
	case c.Confined == nil:
		return cmd.Start()
	}
	var given, writable []*os.File
	for _, in := range c.Inputs {
		switch {
		case in.Write:
			writable = append(writable, in.Open)
		case in.Open != nil:
			given = append(given, in.Open)
		}
	}
	return apart(func() error { return confine(c.Confined, cmd.Path, cmd.Dir, given, writable) }, cmd.Start)
}

// complaint is what a command says on standard error: without that it may not write, if it may not, which is our doing.
func (c Command) complaint(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool { return c.ReadOnly && strings.Contains(line, "Permission denied") })
	return strings.Join(lines, "\n")
}

// wait waits for a command to end; but not for one that SIGKILL does not end, because it waits in the kernel for a server that has gone.
func wait(ctx context.Context, cmd *exec.Cmd, patience time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(patience):
		return ctx.Err()
	}
}

// toolPath is where tools are looked for: cron's PATH, for one, has no sbin.
var toolPath = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// environment is that of every program. libblkid has a cache, which tells of devices as they were some seconds ago.
func environment() []string {
	return []string{"BLKID_FILE=/dev/null", "LC_ALL=C", "PATH=" + strings.Join(toolPath, ":")}
}

// lookTool finds a program: in PATH, so that an administrator may put another one in front, then in the usual places.
func lookTool(name string) (string, error) {
	if filepath.IsAbs(name) {
		if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
			return "", &ToolError{Tool: name}
		}
		return name, nil
	}
	if path, err := exec.LookPath(name); err == nil && filepath.IsAbs(path) {
		return path, nil
	}
	for _, dir := range toolPath {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", &ToolError{Tool: name}
}

// packages tells which Debian package has a tool.
var packages = map[string]string{
	"qemu-img": "qemu-utils", "scrub": "scrub", "wipefs": "util-linux", "findfs": "util-linux",
	"mkfs.ext2": "e2fsprogs", "mkfs.ext3": "e2fsprogs", "mkfs.ext4": "e2fsprogs", "mkfs.xfs": "xfsprogs", "mkfs.btrfs": "btrfs-progs",
	"mkfs.vfat": "dosfstools", "mkfs.udf": "udftools", "mkfs.gfs2": "gfs2-utils", "mkfs.ocfs2": "ocfs2-tools",
	"mount.nfs": "nfs-common", "mount.cifs": "cifs-utils", "mount.glusterfs": "glusterfs-client", "glusterfs": "glusterfs-client", "gluster": "glusterfs-cli", "showmount": "nfs-common",
	"lvs": "lvm2", "vgs": "lvm2", "pvs": "lvm2", "lvcreate": "lvm2", "lvremove": "lvm2", "lvrename": "lvm2", "lvextend": "lvm2", "lvreduce": "lvm2",
	"vgcreate": "lvm2", "vgremove": "lvm2", "vgchange": "lvm2", "pvremove": "lvm2",
	"parted": "parted", "addpart": "util-linux", "delpart": "util-linux", "dmsetup": "dmsetup", "udevadm": "udev",
	"block-rbd.so": "qemu-block-extra", "rbd": "ceph-common", "rados": "ceph-common", "ceph": "ceph-common",
	"iscsiadm": "open-iscsi", "multipathd": "multipath-tools", "modprobe": "kmod",
	"zfs": "zfsutils-linux", "zpool": "zfsutils-linux",
}

// A ToolError tells that a program is not installed.
type ToolError struct{ Tool string }

func (e *ToolError) Error() string { return fmt.Sprintf("the program %s is not installed", e.Tool) }

// Kind implements [fault.Error].
func (*ToolError) Kind() fault.Kind { return fault.Unsupported }

// HintLine implements [fault.Hinter].
func (e *ToolError) HintLine() string {
	if e.Package() == "" {
		return ""
	}
	return "apt-get install " + e.Package()
}

// Package is the Debian package that has the program, empty if that is not known.
func (e *ToolError) Package() string { return packages[e.Tool] }

// An ExitError tells that a program failed.
type ExitError struct {
	Command Command
	Status  int            // -1: ended by a signal
	Signal  syscall.Signal // which one
	Stderr  string
}

func (e *ExitError) Error() string {
	text := e.Stderr
	if text == "" {
		text = "no message"
	}
	if e.Status < 0 {
		return fmt.Sprintf("%s was ended by a signal (%s): %s", e.Command.Name, e.Signal, text)
	}
	return fmt.Sprintf("%s ended with status %d: %s", e.Command.Name, e.Status, text)
}

// Kind implements [fault.Error].
func (*ExitError) Kind() fault.Kind { return fault.Failed }

// StderrContains tells whether a program has failed with one of these texts: many have one status for all.
func StderrContains(err error, texts ...string) bool {
	exit := (*ExitError)(nil)
	return errors.As(err, &exit) && slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(exit.Stderr, text) })
}
