package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
)

// A PrivateMount is a file system that a child process of poolctl serves (fuse(4)). It is mounted in a mount
// namespace that contains only that program, so that no other process sees it. The program and the namespace
// end with this process, however this process ends.
type PrivateMount struct {
	Root  string // path of its files, for poolctl and the programs that poolctl runs
	Shown string // as in Client

	limit  time.Duration
	silent atomic.Bool
	ended  chan struct{}
	once   sync.Once
	ready  chan struct{}
	err    error
}

// ReadFile returns the content of a file, for clients that expose their own state as files.
func (s *PrivateMount) ReadFile(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(s.Root, name))
}

// Silent reports whether the file system did not respond within the limit. Its program was then killed, and
// all calls that waited for the file system have failed.
func (s *PrivateMount) Silent() bool { return s.silent.Load() }

// A Client is a program that mounts a file system (fuse(4)), and keeps running.
type Client struct {
	Command
	At    string        // the directory at which it mounts the file system
	Shown string        // path of that directory in dry runs and traces, different for each file system
	Limit time.Duration // the time that the file system may take to respond
}

// MountPrivate implements Host.
func (l *Local) MountPrivate(ctx context.Context, c Client) (*PrivateMount, error) {
	s := l.startOrReuse(c)
	select {
	case <-s.ready:
		return s, s.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// startOrReuse returns the mount of a command. It starts the command unless the command runs and responds.
func (l *Local) startOrReuse(c Client) *PrivateMount {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.privateMounts[c.Shell()]; s != nil && !s.Silent() && !isClosed(s.ended) {
		return s
	}
	if l.privateMounts == nil {
		l.privateMounts = map[string]*PrivateMount{}
	}
	s := &PrivateMount{Shown: c.Shown, limit: c.Limit, ended: make(chan struct{}), ready: make(chan struct{})}
	l.privateMounts[c.Shell()] = s
	go s.run(c.Command, c.At)
	return s
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// setReady ends the wait of MountPrivate, with an error if the file system cannot be used.
func (s *PrivateMount) setReady(err error) {
	s.once.Do(func() {
		s.err = err
		close(s.ready)
	})
}

// run runs the program until it ends. Pdeathsig ends the program with its parent thread, so run locks its
// goroutine to the thread and waits.
func (s *PrivateMount) run(c Command, at string) {
	runtime.LockOSThread()
	defer close(s.ended)
	path, err := lookTool(c.Name)
	if err != nil {
		s.setReady(err)
		return
	}
	var stderr bytes.Buffer
	cmd := exec.Command(path, c.Args...)
	cmd.Dir, cmd.Env, cmd.Stderr, cmd.WaitDelay = "/", environment(), &stderr, time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL, Setpgid: true,
	}
	without := fileSystemID(unix.AT_FDCWD, at)
	if err := cmd.Start(); err != nil {
		s.setReady(err)
		return
	}
	go s.watch(cmd.Process, at, without)
	err = cmd.Wait()
	// glusterfs exits with status 0 if the volume does not exist.
	if _, ok := errors.AsType[*exec.ExitError](err); err == nil || ok {
		err = &ExitError{Command: c, Status: cmd.ProcessState.ExitCode(),
			Signal: cmd.ProcessState.Sys().(syscall.WaitStatus).Signal(),
			Stderr: strings.TrimSpace(stderr.String())}
	}
	s.setReady(err)
}

// fileSystemID returns a number that identifies the file system at a path, without contacting its server; 0
// if it is not known.
func fileSystemID(dir int, path string) uint64 {
	var st unix.Statx_t
	const flags = unix.AT_EMPTY_PATH | unix.AT_NO_AUTOMOUNT | unix.AT_STATX_DONT_SYNC
	if retry.Statx(dir, path, flags, unix.STATX_TYPE, &st) != nil {
		return 0
	}
	return unix.Mkdev(st.Dev_major, st.Dev_minor)
}

// watch waits until the file system is mounted, and then probes it regularly as long as the program runs.
// without is the ID of the file system at the directory before.
func (s *PrivateMount) watch(program *os.Process, at string, without uint64) {
	dir := -1
	for begin := time.Now(); dir < 0; time.Sleep(time.Millisecond) {
		switch {
		case isClosed(s.ended):
			return
		case time.Since(begin) > s.limit/3:
			s.giveUp(program)
			return
		}
		dir = mountedBy(program, at, without)
	}
	s.Root = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), dir) // dir stays open: the path keeps its meaning
	for err := s.probe(dir); ; err = s.probe(dir) {
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			s.giveUp(program)
			return
		case err != nil && !isClosed(s.ready): // later errors are returned by the calls that meet them
			s.setReady(safeopen.PathError("statfs", at, err))
			_ = program.Kill()
			return
		}
		s.setReady(nil)
		select {
		case <-s.ended:
			return
		case <-time.After(s.limit / 3):
		}
	}
}

// giveUp kills a program whose file system does not respond.
func (s *PrivateMount) giveUp(program *os.Process) {
	s.silent.Store(true)
	s.setReady(context.DeadlineExceeded)
	_ = program.Kill()
}

// mountedBy opens the directory at which a program mounts its file system. It returns -1 if nothing is
// mounted yet.
func mountedBy(program *os.Process, at string, without uint64) int {
	path := fmt.Sprintf("/proc/%d/root%s", program.Pid, at)
	fd, err := retry.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	if fileSystemID(fd, "") == without {
		unix.Close(fd)
		return -1
	}
	return fd
}

// probe calls fstatfs(2) on the file system and waits for the result for two intervals: one would be too
// short if this process is stopped in between.
func (s *PrivateMount) probe(dir int) error {
	answer := make(chan error, 1)
	go func() {
		var st unix.Statfs_t
		answer <- retry.Fstatfs(dir, &st)
	}()
	for range 2 {
		select {
		case err := <-answer:
			return err
		case <-time.After(s.limit / 3):
		}
	}
	return context.DeadlineExceeded
}
