package commands

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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
)

// TestAttack runs the sessions of testdata/attack. In each, an attacker tries something that SECURITY.md
// rules out.
func TestAttack(t *testing.T) { runSessions(t, "../testdata/attack") }

// attackPrograms are the additional programs of these sessions: the referees and the attackers.
func attackPrograms() map[string]func() {
	programs := map[string]func(){
		"refused": func() { os.Exit(refused(os.Args[1:])) },
		"against": func() { os.Exit(against(os.Args[1:])) },
	}
	for name, does := range map[string]func(*attacker) error{
		"swap": (*attacker).swap, "strike": (*attacker).strike, "shrink": (*attacker).shrink,
		"squat": (*attacker).squat, "listen": (*attacker).listen,
	} {
		programs[name] = func() { os.Exit(attack(does)) }
	}
	return programs
}

// refused STATUS[,STATUS...] COMMAND... runs a command. It prints "refused" if the command prints an error
// and ends with one of the statuses, otherwise the command's status and output.
func refused(args []string) int {
	cmd := exec.Command(args[1], args[2:]...)
	output, _ := cmd.CombinedOutput()
	status := cmd.ProcessState.ExitCode()
	isExpected := slices.Contains(strings.Split(args[0], ","), strconv.Itoa(status))
	if isExpected && bytes.Contains(output, []byte("error: ")) {
		fmt.Println("refused")
		return 0
	}
	fmt.Printf("%s: status %d\n%s", strings.Join(args[1:], " "), status, output)
	return 1
}

// against N ATTACKER... -- COMMAND... runs a command N times while an attacker runs. It fails if the attacker
// ends.
func against(args []string) int {
	times, err := strconv.Atoi(args[0])
	split := slices.Index(args, "--")
	begun, begins, pipeErr := os.Pipe()
	if err = errors.Join(err, pipeErr); err != nil {
		return complain(err)
	}
	attacker := exec.Command(args[1], args[2:split]...)
	attacker.Stderr, attacker.ExtraFiles = os.Stderr, []*os.File{begins}
	attacker.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := attacker.Start(); err != nil {
		return complain(err)
	}
	begins.Close()
	if _, err := begun.Read(make([]byte, 1)); err != nil {
		return complain(fmt.Errorf("%s did not begin: %w", args[1], attacker.Wait()))
	}
	for range times {
		cmd := exec.Command(args[split+1], args[split+2:]...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		_ = cmd.Run() // the attack may make it fail
	}
	if err := attacker.Process.Kill(); err != nil { // the attacker has ended
		return complain(err)
	}
	_ = attacker.Wait()
	return 0
}

// complain prints an error and returns the status of a failure.
func complain(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// An attacker runs as user 4711 until it is killed.
type attacker struct {
	args   []string
	begins *os.File
}

// begin reports to against that the attack has begun.
func (a *attacker) begin() {
	if a.begins != nil {
		_, _ = a.begins.Write([]byte("x"))
		a.begins.Close()
		a.begins = nil
	}
}

// attack drops the privileges of root and runs an attacker.
func attack(does func(*attacker) error) int {
	const user = 4711
	err := errors.Join(syscall.Setgroups(nil), syscall.Setresgid(user, user, user),
		syscall.Setresuid(user, user, user))
	if err != nil {
		return complain(err)
	}
	return complain(does(&attacker{os.Args[1:], os.NewFile(3, "begun")}))
}

// exchange swaps two names in one step.
func exchange(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}

// swap A B exchanges two names repeatedly, some hundred times while a verb runs. If a name is missing for a
// moment, swap tries again.
func (a *attacker) swap() error {
	for ; ; time.Sleep(20 * time.Microsecond) { // leave processor time to the verb
		switch err := exchange(a.args[0], a.args[1]); {
		case err == nil:
			a.begin()
		case !errors.Is(err, unix.ENOENT):
			return err
		}
	}
}

// strike N A B exchanges two names when the first is opened for the nth time.
func (a *attacker) strike() error {
	nth, err := strconv.Atoi(a.args[0])
	if err != nil {
		return err
	}
	events, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err == nil {
		_, err = unix.InotifyAddWatch(events, a.args[1], unix.IN_OPEN)
	}
	if err != nil {
		return err
	}
	a.begin()
	for seen := 0; seen < nth; {
		n, err := unix.Read(events, make([]byte, 4096))
		if err != nil {
			return err
		}
		seen += n / unix.SizeofInotifyEvent // events of a file contain no name
	}
	if err := exchange(a.args[1], a.args[2]); err != nil {
		return err
	}
	select {}
}

// shrink FILE truncates a file to every length of its header in turn, and restores it each time.
func (a *attacker) shrink() error {
	whole, err := os.ReadFile(a.args[0])
	if err != nil {
		return err
	}
	f, err := os.OpenFile(a.args[0], os.O_WRONLY, 0)
	for length := 0; err == nil; length = (length + 1) % 1024 {
		time.Sleep(20 * time.Microsecond)
		if err = f.Truncate(int64(length)); err == nil {
			_, err = f.WriteAt(whole, 0)
		}
		a.begin()
	}
	return err
}

// squat PATH occupies a name with a directory, a file and a link in turn, each time that it is free.
func (a *attacker) squat() error {
	path := a.args[0]
	takes := []func() error{
		func() error { return errors.Join(os.Mkdir(path, 0o755), os.WriteFile(path+"/kept", nil, 0o644)) },
		func() error { return os.WriteFile(path, []byte("theirs"), 0o644) },
		func() error { return os.Symlink("/", path) },
	}
	for turn := 0; ; turn++ {
		_ = takes[turn%len(takes)]()
		a.begin()
		time.Sleep(20 * time.Microsecond)
		_ = os.Rename(path, filepath.Dir(path)+"/moved")
		_ = os.RemoveAll(filepath.Dir(path) + "/moved")
	}
}

// listen FILE is a server that never answers. It writes its port to the file, and then a line for each
// connection.
func (a *attacker) listen() error {
	log, err := os.OpenFile(a.args[0], os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(log, listener.Addr().(*net.TCPAddr).Port)
	a.begin()
	for {
		c, err := listener.Accept()
		if err != nil {
			return err
		}
		fmt.Fprintln(log, "connected")
		go func() { _, _ = io.Copy(io.Discard, c) }()
	}
}
