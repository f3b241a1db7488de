package host

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"poolctl/backend/fault"
	"poolctl/backend/host/shell"
)

// A Command is a program and its arguments. It runs without a shell, in the C locale.
type Command struct {
	Name   string
	Args   []string
	Dir    string // working directory; empty: /
	Inputs []Input
	Stdin  string // its standard input, without the last newline; empty: none
	// OnOutput, if not nil, receives the command's output as it is printed. Query then returns none.
	OnOutput func(printed []byte)
	// RetryOn, if not empty, is a text in standard error that marks a temporary failure. The command is then
	// run again, for up to 20 seconds, or one second in a query.
	RetryOn string
	// FailOnStderr makes any output on standard error a failure, whatever the exit status is.
	FailOnStderr bool
	// ReadOnly prevents a command that only inspects from opening devices for writing. Closing a device that
	// was open for writing makes udev scan it.
	ReadOnly bool
	// Cacheable allows CachedHost.Query to return an output that the same command printed earlier in this
	// poolctl command. Callers that wait for a change must not set it.
	Cacheable bool
	// MaxOutput is how many bytes of standard output are kept; more is an error. 0: as much as fits into memory.
	MaxOutput int
	// Variables are names of environment variables that the command inherits, if they are set.
	Variables []string
	// Confined, if not nil, lists what the command may access; it can access nothing else.
	Confined *Confinement
	// EndIfIdle ends the command when it has been idle for as long as Local.IdleLimit. The error then wraps
	// context.DeadlineExceeded.
	EndIfIdle bool

	files         []*os.File // inherited from descriptor 3 on
	stdin, stdout *os.File   // ends of pipes
}

// An Input is a file that a command inherits, the first at descriptor 3: data that no other process may see,
// or a file that is open already.
type Input struct {
	File    string // its path for a shell
	Heredoc string // if not empty: a here-document with the same content for a shell
	Data    []byte
	Open    *os.File // in place of Data: a file to reopen as /dev/fd/N; may be pinned (safeopen)
	Late    bool     // the path File is opened when the command runs
	Write   bool     // the command may reopen it for writing
}

// Cmd returns a command with a name and arguments.
func Cmd(name string, args ...string) Command { return Command{Name: name, Args: args} }

// Shell implements Step: the command as one would type it.
func (c Command) Shell() string {
	words := make([]string, 0, len(c.Args)+1)
	for _, w := range append([]string{c.Name}, c.Args...) {
		words = append(words, shell.Quote(w))
	}
	here := ""
	for i, in := range c.Inputs {
		if in.Heredoc == "" {
			direction := "<"
			if in.Write {
				direction = "<>"
			}
			words = append(words, fmt.Sprintf("%d%s%s", 3+i, direction, shell.Quote(in.File)))
			continue
		}
		words = append(words, fmt.Sprintf("%d<<END", 3+i))
		here += "\n" + in.Heredoc + "\nEND"
	}
	if c.Stdin != "" {
		words = append([]string{"echo", shell.Quote(c.Stdin), "|"}, words...)
	}
	if here != "" {
		return strings.Join(words, " ") + here
	}
	if c.Dir != "" {
		return "(cd " + shell.Quote(c.Dir) + " && " + strings.Join(words, " ") + ")"
	}
	return strings.Join(words, " ")
}

// An ExitError reports that a program failed.
type ExitError struct {
	Command Command
	Status  int            // -1: it was ended by a signal
	Signal  syscall.Signal // if Status is -1
	Stderr  string
}

func (e *ExitError) Error() string {
	text := e.Stderr
	if text == "" {
		text = "no message"
	}
	if e.Status < 0 {
		return fmt.Sprintf("%s was killed by a signal (%s): %s", e.Command.Name, e.Signal, text)
	}
	return fmt.Sprintf("%s failed with status %d: %s", e.Command.Name, e.Status, text)
}

// Kind implements [fault.Error].
func (*ExitError) Kind() fault.Kind { return fault.Failed }

// StderrContains reports whether a program failed and standard error contains one of the texts. Many programs
// have one exit status for all failures.
func StderrContains(err error, texts ...string) bool {
	exit, ok := errors.AsType[*ExitError](err)
	return ok &&
		slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(exit.Stderr, text) })
}
