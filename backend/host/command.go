package host

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
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
	// Cacheable allows CachedHost.Query to return an output that the same command printed earlier in this poolctl
	// command. Callers that wait for a change must not set it.
	Cacheable bool
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

// StderrContains tells whether a program has failed with one of these texts: many have one status for all.
func StderrContains(err error, texts ...string) bool {
	exit := (*ExitError)(nil)
	return errors.As(err, &exit) && slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(exit.Stderr, text) })
}
