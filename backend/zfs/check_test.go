package zfs

import (
	"strings"
	"testing"
	"time"

	"poolctl/backend/check"
)

// statusText is the output of zpool status -p of OpenZFS 2.1, with a state, sections and errors.
const statusText = `  pool: tank
 state: STATE
status: One or more devices has been taken offline by the administrator.
	Sufficient replicas exist for the pool to continue functioning in a
	degraded state.
action: Online the device using 'zpool online' or replace the device with
	'zpool replace'.
  scan: scrub repaired 0B in 00:00:00 with 0 errors on Sun Nov  1 05:14:43 2026
config:

	NAME        STATE     READ WRITE CKSUM
	tank        STATE     0     0     0
	  mirror-0  STATE     0     0     0
	    loop1   ONLINE    0     0     7
	    loop2   OFFLINE   0     0     0  was /dev/loop2

errors: ERRORS
`

func TestStatus(t *testing.T) {
	now := time.Date(2026, 11, 20, 0, 0, 0, 0, time.Local)
	for _, c := range []struct {
		state, errors string
		now           time.Time
		want          string
	}{
		{"ONLINE", "No known data errors", now, "ok ONLINE\nwarning errors of devices: loop1"},
		{"DEGRADED", "No known data errors", now,
			"ok DEGRADED\nwarning is degraded\nwarning errors of devices: loop1"},
		{"SUSPENDED", "3 data errors, use '-v' for a list", now.AddDate(0, 0, 30),
			"ok SUSPENDED\ncritical state SUSPENDED\nwarning 3 data errors\nwarning errors of devices: loop1\n" +
				"warning not scrubbed for 48 days"},
	} {
		s := parseStatus(strings.NewReplacer("STATE", c.state, "ERRORS", c.errors).Replace(statusText))
		found := s.findings("tank", c.now)
		want := strings.Split(c.want, "\n")
		if len(found) != len(want) {
			t.Fatalf("%+v: found %+v", s, found)
		}
		for i, f := range found {
			severity, text, _ := strings.Cut(want[i], " ")
			if f.Severity.String() != severity || !strings.Contains(f.Text, text) {
				t.Errorf("got %v %q, want %q", f.Severity, f.Text, want[i])
			}
		}
	}
}

func FuzzStatus(f *testing.F) {
	f.Add(statusText)
	f.Fuzz(func(t *testing.T, text string) {
		s := parseStatus(text)
		for _, found := range s.findings("tank", time.Now()) {
			if !check.IsID(found.ID) {
				t.Errorf("finding %+v", found)
			}
		}
	})
}
