package terminal

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// isJournal reports whether a file is the one that systemd connects to the journal: it names the device and
// the inode in $JOURNAL_STREAM (systemd.exec(5)).
func isJournal(f *os.File) bool {
	var st unix.Stat_t
	return unix.Fstat(int(f.Fd()), &st) == nil &&
		os.Getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}

// priorities have the journal's priorities of lines by their beginnings (sd-daemon(3)). Any other line
// continues the line before it: output of a tool, or an error that is joined to another. The last two begin
// lines of a trace.
var priorities = []struct{ begin, priority string }{
	{"error: ", "<3>"}, {`{"schema":`, "<3>"}, {"warning: ", "<4>"}, {"hint: ", "<6>"}, {"+ ", ""}, {"? ", ""},
}

// A journal writes lines with their priorities.
type journal struct {
	to       io.Writer
	priority string // of the line before
	inLine   bool   // the last Write ended within a line
}

// Write implements io.Writer.
func (j *journal) Write(text []byte) (int, error) {
	var out []byte
	for line := range bytes.Lines(text) {
		if !j.inLine {
			j.priority = priorityOf(line, j.priority)
			out = append(out, j.priority...)
		}
		out = append(out, line...)
		j.inLine = line[len(line)-1] != '\n'
	}
	if _, err := j.to.Write(out); err != nil {
		return 0, err
	}
	return len(text), nil
}

// priorityOf returns the priority of a line, or "" for the journal's own.
func priorityOf(line []byte, before string) string {
	for _, p := range priorities {
		if bytes.HasPrefix(line, []byte(p.begin)) {
			return p.priority
		}
	}
	return before
}
