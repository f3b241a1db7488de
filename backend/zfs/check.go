package zfs

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"poolctl/backend/check"
	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// maxScrubAge is the age of the last scrub that is reported. Debian scrubs each zpool once a month.
const maxScrubAge = 35 * 24 * time.Hour

// Check implements backend.Checker with one query. The age of a zpool that was never scrubbed is at least
// that of the pool's dataset, which Details has queried.
func (b *Backend) Check(
	ctx context.Context, p *pooldef.Pool, _ []*pooldef.Volume,
) ([]check.Finding, error) {
	name := zpool(p.Source.Name)
	out, err := b.query(ctx, name, host.Cmd("zpool", "status", "-p", "--", name))
	if err != nil {
		return nil, err
	}
	s := parseStatus(string(out))
	if s.scrubbed.IsZero() {
		l, err := b.list(ctx, p)
		if err != nil {
			return nil, err
		}
		s.scrubbed = time.Unix(int64(l.created), 0)
	}
	return s.findings(name, time.Now()), nil
}

// A status is what zpool status says of a zpool.
type status struct {
	state    string
	errors   string    // of "errors:"
	scrubbed time.Time // when the last scrub or resilver ended; zero if there was none, or one is running
	running  bool
	failing  []string // devices with errors
}

// parseStatus reads the output of zpool status (zpool-status(8)): sections that begin with a word and a
// colon, and in the section config a table with the errors of each device.
func parseStatus(text string) status {
	var s status
	section := ""
	for line := range strings.Lines(text) {
		word, rest, isSection := strings.Cut(strings.TrimSpace(line), ":")
		if isSection && !strings.ContainsAny(word, " \t") && !strings.HasPrefix(line, "\t") {
			section = word
		} else {
			rest = strings.TrimSpace(line)
		}
		rest = strings.TrimSpace(rest)
		switch section {
		case "state":
			s.state += rest
		case "errors":
			s.errors = strings.TrimSpace(s.errors + " " + rest)
		case "scan":
			s.scan(rest)
		case "config":
			s.device(strings.Fields(rest))
		}
	}
	return s
}

// scan reads a line about scrubs: "scrub repaired 0B in 00:00:01 with 0 errors on Sun Nov 29 05:14:43 2026".
func (s *status) scan(line string) {
	if strings.Contains(line, "in progress") {
		s.running = true
	}
	_, date, found := strings.Cut(line, " errors on ")
	if at, err := time.ParseInLocation(time.ANSIC, date, time.Local); found && err == nil {
		s.scrubbed = at
	}
}

// device reads a row of the table of devices: name, state, and the numbers of errors.
func (s *status) device(fields []string) {
	if len(fields) < 5 || fields[0] == "NAME" {
		return
	}
	for _, count := range fields[2:5] {
		if n, err := strconv.ParseUint(count, 10, 64); err == nil && n > 0 {
			s.failing = append(s.failing, fields[0])
			return
		}
	}
}

// findings returns what is wrong with a zpool.
func (s *status) findings(name string, now time.Time) (found []check.Finding) {
	show := shell.Join("zpool", "status", "-v", "--", name)
	add := func(severity check.Severity, text string) {
		f := check.New("zpool", fmt.Sprintf("zpool %q %s", name, text), show)
		f.Severity = severity
		found = append(found, f)
	}
	found = append(found, check.Finding{ID: "zpool", Object: name, State: s.state,
		Text: fmt.Sprintf("zpool %q is in the state %s", name, s.state)})
	switch s.state {
	case onlineState:
	case degradedState:
		add(check.Warning, "is degraded")
	default:
		add(check.Critical, "is in the state "+s.state)
	}
	if s.errors != "" && s.errors != "No known data errors" {
		add(check.Warning, "has errors: "+s.errors)
	}
	if len(s.failing) > 0 {
		add(check.Warning, "has errors of devices: "+strings.Join(s.failing, ", "))
	}
	if age := now.Sub(s.scrubbed); age > maxScrubAge && !s.running {
		add(check.Warning, fmt.Sprintf("was not scrubbed for %d days", int(age.Hours()/24)))
	}
	return found
}

// Tools implements backend.ToolUser.
func (*Backend) Tools(*pooldef.Pool) []string { return []string{"zfs", "zpool"} }

// FindStale implements backend.StaleFinder. It finds incomplete volumes.
func (b *Backend) FindStale(ctx context.Context, p *pooldef.Pool) (left []string, err error) {
	l, err := b.list(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, child := range l.children {
		if tempNames.IsStale(child.name) {
			left = append(left, p.Source.Name+"/"+child.name)
		}
	}
	return left, nil
}
