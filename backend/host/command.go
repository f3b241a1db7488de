package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A Command is a program and its arguments. It is run without a shell, in the C locale.
type Command struct {
	Name string
	Args []string
	Dir  string // where it runs; empty: /
}

// Cmd returns a command.
func Cmd(name string, args ...string) Command { return Command{Name: name, Args: args} }

// Shell prints the command as one would type it.
func (c Command) Shell() string {
	words := make([]string, 0, len(c.Args)+1)
	for _, w := range append([]string{c.Name}, c.Args...) {
		words = append(words, Quote(w))
	}
	return strings.Join(words, " ")
}

func (c Command) apply(ctx context.Context, l *Local) error {
	_, err := l.Query(ctx, c)
	return err
}

// killAfter is how long a command may take to end when it has been told to.
const killAfter = 5 * time.Second

// Query implements Host. A program that is not there is a ToolError, one that fails an ExitError.
func (l *Local) Query(ctx context.Context, c Command) ([]byte, error) {
	path, err := lookTool(c.Name)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, c.Args...)
	cmd.Dir = c.Dir
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	cmd.Env = []string{"LC_ALL=C", "PATH=" + strings.Join(toolPath, ":")}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = killAfter
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for us: we tell it in our own time
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	exit := (*exec.ExitError)(nil)
	switch {
	case err == nil:
		return stdout.Bytes(), nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s: %w", c.Name, ctx.Err())
	case errors.As(err, &exit):
		return stdout.Bytes(), &ExitError{Command: c, Status: exit.ExitCode(), Stderr: strings.TrimSpace(stderr.String())}
	}
	return nil, err
}

// toolPath is where tools are looked for: cron's PATH, for one, has no sbin.
var toolPath = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// lookTool finds a program: in PATH, so that an administrator may put another one in front, then in the usual places.
func lookTool(name string) (string, error) {
	if filepath.IsAbs(name) {
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
var packages = map[string]string{"qemu-img": "qemu-utils"}

// A ToolError tells that a program is not installed.
type ToolError struct{ Tool string }

func (e *ToolError) Error() string { return fmt.Sprintf("the program %s is not installed", e.Tool) }

// Package is the Debian package that has the program.
func (e *ToolError) Package() string {
	if p, ok := packages[e.Tool]; ok {
		return p
	}
	return e.Tool
}

// An ExitError tells that a program failed.
type ExitError struct {
	Command Command
	Status  int // -1: ended by a signal
	Stderr  string
}

func (e *ExitError) Error() string {
	text := e.Stderr
	if text == "" {
		text = "no message"
	}
	return fmt.Sprintf("%s ended with status %d: %s", e.Command.Name, e.Status, text)
}

// Quote prints a word for a POSIX shell.
func Quote(word string) string {
	plain := word != "" && strings.IndexFunc(word, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_", r)
	}) < 0
	if plain {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Edit opens a file in the user's editor, on the user's terminal. editor may have arguments, parted by blanks; no shell sees it.
func Edit(ctx context.Context, editor, file string) error {
	words := strings.Fields(editor)
	if len(words) == 0 {
		return errors.New("no editor is set")
	}
	path, err := lookTool(words[0])
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path, append(words[1:], file)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", words[0], err)
	}
	return nil
}
