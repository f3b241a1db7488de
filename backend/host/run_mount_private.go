package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
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

// A PrivateMount is a file system that a program of ours serves (fuse(4)). Nobody else sees it: it is mounted in a mount namespace in which
// there is only that program. Both end with this process, however that ends.
type PrivateMount struct {
	Root string // its files are below this path, for us and for the programs that we run

	limit  time.Duration
	silent atomic.Bool
	ended  chan struct{}
	once   sync.Once
	ready  chan struct{}
	err    error
}

// Silent tells whether the file system has left a question unanswered for as long as it may. Then its program was killed, and whatever
// waited for it has failed.
func (s *PrivateMount) Silent() bool { return s.silent.Load() }

// MountPrivate implements Host.
func (l *Local) MountPrivate(ctx context.Context, c Command, at string, limit time.Duration) (*PrivateMount, error) {
	s := l.startOrReuse(c, at, limit)
	select {
	case <-s.ready:
		return s, s.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// startOrReuse returns what a command serves, which is started unless it runs and answers.
func (l *Local) startOrReuse(c Command, at string, limit time.Duration) *PrivateMount {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.privateMounts[c.Shell()]; s != nil && !s.Silent() && !isClosed(s.ended) {
		return s
	}
	if l.privateMounts == nil {
		l.privateMounts = map[string]*PrivateMount{}
	}
	s := &PrivateMount{limit: limit, ended: make(chan struct{}), ready: make(chan struct{})}
	l.privateMounts[c.Shell()] = s
	go s.run(c, at)
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

// setReady tells those who wait for the file system that it is there or why it is not.
func (s *PrivateMount) setReady(err error) {
	s.once.Do(func() {
		s.err = err
		close(s.ready)
	})
}

// run runs the program to its end. The parent with which it dies is the thread, so that one waits for it.
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
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL, Setpgid: true}
	without := fileSystemID(unix.AT_FDCWD, at)
	if err := cmd.Start(); err != nil {
		s.setReady(err)
		return
	}
	go s.watch(cmd.Process, at, without)
	err = cmd.Wait()
	if exit := (*exec.ExitError)(nil); err == nil || errors.As(err, &exit) { // glusterfs ends well if there is no such volume
		err = &ExitError{Command: c, Status: cmd.ProcessState.ExitCode(), Signal: cmd.ProcessState.Sys().(syscall.WaitStatus).Signal(),
			Stderr: strings.TrimSpace(stderr.String())}
	}
	s.setReady(err)
}

// fileSystemID tells file systems from each other, without asking them.
func fileSystemID(dir int, path string) uint64 {
	var st unix.Statx_t
	if retry.Statx(dir, path, unix.AT_EMPTY_PATH|unix.AT_NO_AUTOMOUNT|unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE, &st) != nil {
		return 0
	}
	return unix.Mkdev(st.Dev_major, st.Dev_minor)
}

// watch finds the file system when it is mounted, and then asks it something now and then, as long as the program runs.
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
	s.Root = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), dir) // it stays open, so that the path never means anything else
	for err := s.probe(dir); ; err = s.probe(dir) {
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			s.giveUp(program)
			return
		case err != nil && !isClosed(s.ready): // later, who asks for something is told himself
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

// giveUp ends a program that does not answer.
func (s *PrivateMount) giveUp(program *os.Process) {
	s.silent.Store(true)
	s.setReady(context.DeadlineExceeded)
	_ = program.Kill()
}

// mountedBy opens the directory at which a program mounts something; -1 if it has not yet.
func mountedBy(program *os.Process, at string, without uint64) int {
	fd, err := retry.Open(fmt.Sprintf("/proc/%d/root%s", program.Pid, at), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	if fileSystemID(fd, "") == without {
		unix.Close(fd)
		return -1
	}
	return fd
}

// probe asks the file system for its room, and waits for the answer twice: once would be too little if this process is stopped meanwhile.
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
