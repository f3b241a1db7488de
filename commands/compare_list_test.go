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

// A differenceList is the file of the differences that are meant to be. An entry is a line that says why, and
// below it, indented by a tab, in which commands (SESSION: COMMAND), and what differs there (-virsh's line,
// +poolctl's, or both, one below the other; a + above a - are two differences). In all of it * stands for
// anything. The first entry that fits counts.
type differenceList struct {
	file    string
	entries []*differenceEntry

	mutex    sync.Mutex      // over what follows, and what was used
	sessions map[string]bool // all, and whether they ran
}

type differenceEntry struct {
	line     int
	reason   string
	commands []*differencePattern
	what     []*differencePattern
}

type differencePattern struct {
	line           int
	text           string
	session        *regexp.Regexp // of a command
	command        *regexp.Regexp
	virsh, poolctl *regexp.Regexp // of a difference
	used           bool
}

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
			return nil, fmt.Errorf("%s:%d: there is no reason above", file, i+1)
		default:
			if err := l.entries[len(l.entries)-1].add(text, i+1); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", file, i+1, err)
			}
		}
	}
	return l, nil
}

// add reads a line of an entry.
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

// has looks a difference up, and a pair that is not there also as its two halves.
func (l *differenceList) has(session, command string, d difference) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.find(session, command, d) || d.virsh != "" && d.poolctl != "" &&
		l.find(session, command, difference{virsh: d.virsh}) && l.find(session, command, difference{poolctl: d.poolctl})
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

// unused lists what is in the file and did not occur, though all sessions ran in which it could have.
func (l *differenceList) unused() []string {
	var complaints []string
	for _, e := range l.entries {
		if !l.ranAll(e) {
			continue
		}
		for _, p := range append(e.commands, e.what...) {
			if !p.used {
				complaints = append(complaints, fmt.Sprintf("%s:%d: %q does not occur any more: %s", l.file, p.line, p.text, e.reason))
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

func TestDifferenceList(t *testing.T) {
	file := filepath.Join(t.TempDir(), "differences.txt")
	writeFile(t, file, "Why.\n\tone: virsh vol-*\n\t-|old *\n\t+|new *\n\t+|more\nNot any more.\n\tone: virsh pool-*\n\t-|x\n")
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
		t.Error("what did not run cannot be missed")
	}
	l.ran("one")
	if got := l.unused(); len(got) != 2 || !strings.Contains(got[0], "Not any more.") {
		t.Errorf("unused: %q", got)
	}
}
