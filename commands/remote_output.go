package commands

import (
	"io"
	"strings"

	"poolctl/backend/fault"
)

// A labelled writer adds the name of the machine to errors and warnings, and to poolctl's commands in hints.
type labelled struct {
	w    io.Writer
	host string
	rest []byte // a line that has not ended
}

// maxLabelled is the length of a line that is passed on before it ends, in bytes.
const maxLabelled = 1 << 16

// Write implements io.Writer. It passes on whole lines, and a prompt or a last line with the next one.
func (l *labelled) Write(text []byte) (int, error) {
	all := strings.ReplaceAll(string(l.rest)+string(text), "\r\n", "\n") // ssh's own lines end so
	end := strings.LastIndexByte(all, '\n') + 1
	if len(all)-end > maxLabelled {
		end = len(all)
	}
	l.rest = []byte(all[end:])
	for line := range strings.Lines(all[:end]) {
		for _, label := range [][2]string{
			{"error: ", l.host + ": "}, {"warning: ", l.host + ": "}, {"hint: poolctl ", "-H " + l.host + " "},
		} {
			if rest, found := strings.CutPrefix(line, label[0]); found {
				line = label[0] + label[1] + rest
			}
		}
		if _, err := io.WriteString(l.w, line); err != nil {
			return 0, err
		}
	}
	return len(text), nil
}

// flush passes on what follows the last whole line, as a line.
func (l *labelled) flush() {
	if len(l.rest) > 0 {
		_, _ = l.Write([]byte("\n"))
	}
}

// A remoteError reports that poolctl did not run on another machine.
type remoteError struct {
	host, text string
	kind       fault.Kind
	hint       string
}

func (e *remoteError) Error() string { return e.host + ": " + e.text }

// Kind implements [fault.Error].
func (e *remoteError) Kind() fault.Kind { return e.kind }

// HintLine implements [fault.Hinter].
func (e *remoteError) HintLine() string { return e.hint }

// A noRemoteError reports a verb that works on this machine only.
type noRemoteError struct{}

func (*noRemoteError) Error() string { return "pool-edit does not edit pools of other machines" }

// Kind implements [fault.Error].
func (*noRemoteError) Kind() fault.Kind { return fault.Unsupported }

// HintLine implements [fault.Hinter].
func (*noRemoteError) HintLine() string {
	return "edit the output of pool-dumpxml, and store it with pool-define --update"
}

// A remoteSudoError reports -H for a user whom sudo lets run poolctl as root, perhaps only to look. ssh would
// log in with root's keys, and run any command there.
type remoteSudoError struct{}

func (*remoteSudoError) Error() string {
	return "-H would use root's keys for ssh: that is not allowed through sudo, or with --readonly"
}

// Kind implements [fault.Error].
func (*remoteSudoError) Kind() fault.Kind { return fault.Permission }

// HintLine implements [fault.Hinter].
func (*remoteSudoError) HintLine() string {
	return "run it without sudo, with --remote-command 'sudo poolctl --readonly'"
}
