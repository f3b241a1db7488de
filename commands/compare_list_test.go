package commands_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// A differenceList is the file of the intended differences. An entry is a line with the reason. Below it,
// indented by a tab, are the commands (SESSION: COMMAND) and the differences (-virsh's line, +poolctl's, or
// both, one below the other; a + above a - means two differences). In all of them * matches any text. The
// first entry that matches counts.
type differenceList struct {
	file    string
	entries []*differenceEntry

	mutex    sync.Mutex      // protects sessions and the used fields
	sessions map[string]bool // all sessions, and whether they ran
}

// A differenceEntry is a reason with its commands and differences.
type differenceEntry struct {
	line     int
	reason   string
	commands []*differencePattern
	what     []*differencePattern
}

// A differencePattern matches commands or differences.
type differencePattern struct {
	line           int
	text           string
	session        *regexp.Regexp // for a command
	command        *regexp.Regexp
	virsh, poolctl *regexp.Regexp // for a difference
	used           bool
}

// readDifferenceList parses the file of the intended differences.
func readDifferenceList(file string) (*differenceList, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	l := &differenceList{file: file, sessions: map[string]bool{}}
	for i, line := range strings.Split(string(data), "\n") {
		text, indented := strings.CutPrefix(line, "\t")
		switch {
		case line == "" || line[0] == '#':
		case !indented:
			l.entries = append(l.entries, &differenceEntry{line: i + 1, reason: line})
		case len(l.entries) == 0:
			return nil, fmt.Errorf("%s:%d: the entry has no reason", file, i+1)
		default:
			if err := l.entries[len(l.entries)-1].add(text, i+1); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", file, i+1, err)
			}
		}
	}
	return l, nil
}

// add parses a line of an entry.
func (e *differenceEntry) add(text string, line int) error {
	p := &differencePattern{line: line, text: text}
	switch text[:1] {
	case "-":
		p.virsh = glob(text[1:])
		e.what = append(e.what, p)
	case "+":
		if last := len(e.what) - 1; last >= 0 && e.what[last].line == line-1 && e.what[last].poolctl == nil {
			e.what[last].poolctl = glob(text[1:])
			return nil
		}
		p.poolctl = glob(text[1:])
		e.what = append(e.what, p)
	default:
		session, command, ok := strings.Cut(text, ": ")
		if !ok {
			return fmt.Errorf("neither -, + nor SESSION: COMMAND: %q", text)
		}
		p.session, p.command = glob(session), glob(command)
		e.commands = append(e.commands, p)
	}
	return nil
}

func glob(pattern string) *regexp.Regexp {
	return regexp.MustCompile(`(?s)^` + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `.*`) + `$`)
}

func (l *differenceList) ran(session string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.sessions[session] = true
}

// has reports whether the list contains a difference. A pair that the list does not contain may also match as
// its two halves.
func (l *differenceList) has(session, command string, d difference) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	find := func(d difference) bool { return l.find(session, command, d) }
	return find(d) || d.virsh != "" && d.poolctl != "" &&
		find(difference{virsh: d.virsh}) && find(difference{poolctl: d.poolctl})
}

func (l *differenceList) find(session, command string, d difference) bool {
	for _, e := range l.entries {
		for _, c := range e.commands {
			if !c.session.MatchString(session) || !c.command.MatchString(command) {
				continue
			}
			for _, w := range e.what {
				if fits(w.virsh, d.virsh) && fits(w.poolctl, d.poolctl) {
					c.used, w.used = true, true
					return true
				}
			}
		}
	}
	return false
}

func fits(pattern *regexp.Regexp, text string) bool {
	if pattern == nil || text == "" {
		return pattern == nil && text == ""
	}
	return pattern.MatchString(text)
}

// unused returns the lines of the file that did not occur, although all sessions ran in which they could
// have.
func (l *differenceList) unused() []string {
	var complaints []string
	for _, e := range l.entries {
		if !l.ranAll(e) {
			continue
		}
		for _, p := range append(e.commands, e.what...) {
			if !p.used {
				text := fmt.Sprintf("%s:%d: %q no longer occurs: %s", l.file, p.line, p.text, e.reason)
				complaints = append(complaints, text)
			}
		}
	}
	return complaints
}

func (l *differenceList) ranAll(e *differenceEntry) bool {
	for _, c := range e.commands {
		for session, ran := range l.sessions {
			if c.session.MatchString(session) && !ran {
				return false
			}
		}
	}
	return true
}

// TestDifferenceList checks which differences a list contains, and which of its lines are unused.
func TestDifferenceList(t *testing.T) {
	file := filepath.Join(t.TempDir(), "differences.txt")
	writeFile(t, file, "Why.\n\tone: virsh vol-*\n\t-|old *\n\t+|new *\n\t+|more\n"+
		"Not any more.\n\tone: virsh pool-*\n\t-|x\n")
	l, err := readDifferenceList(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		session, command string
		d                difference
		want             bool
	}{
		{"one", "virsh vol-list", difference{"|old 1", "|new 2"}, true},
		{"one", "virsh vol-list", difference{poolctl: "|more"}, true},
		{"one", "virsh vol-list", difference{virsh: "|old 1"}, false},
		{"one", "virsh vol-list", difference{"|old 1", "|more"}, false},
		{"two", "virsh vol-list", difference{"|old 1", "|new 2"}, false},
		{"one", "virsh help", difference{"|old 1", "|new 2"}, false},
	} {
		if got := l.has(test.session, test.command, test.d); got != test.want {
			t.Errorf("%s: %s: %s: %v", test.session, test.command, test.d, got)
		}
	}
	if l.sessions["one"] = false; len(l.unused()) != 0 {
		t.Error("differences of a session that did not run are reported as unused")
	}
	l.ran("one")
	if got := l.unused(); len(got) != 2 || !strings.Contains(got[0], "Not any more.") {
		t.Errorf("unused: %q", got)
	}
}
