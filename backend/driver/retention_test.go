package driver

import (
	"strings"
	"testing"
	"time"

	"poolctl/pooldef"
)

// TestRetention applies rules to snapshots that are named after their age in days. The age of x is unknown.
func TestRetention(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		rule    Retention
		all     string
		expired string
	}{
		{Retention{Newest: 2}, "4 3 2 1", "4 3"},
		{Retention{Newest: 9}, "4 3 2 1", ""},
		{Retention{Within: 2 * 24 * time.Hour}, "4 3 2 1", "4 3"},
		{Retention{Within: time.Hour}, "4 3 2 1", "4 3 2 1"},
		{Retention{Newest: 1, Within: 3 * 24 * time.Hour}, "5 4 3 2", "5 4"},
		{Retention{Newest: 3, Within: 24 * time.Hour}, "5 4 3 2", "5"},
		{Retention{Newest: 1, Within: time.Hour}, "x 3 2", "3"},
		{Retention{Newest: 1}, "x 3 2", "x 3"},
		{Retention{Newest: 1}, "", ""},
	} {
		var all []*pooldef.Snapshot
		for _, name := range strings.Fields(test.all) {
			s := &pooldef.Snapshot{Name: name}
			if name != "x" {
				s.Created = now.AddDate(0, 0, -int(name[0]-'0'))
			}
			all = append(all, s)
		}
		var expired []string
		for _, s := range test.rule.Expired(all, now) {
			expired = append(expired, s.Name)
		}
		if got := strings.Join(expired, " "); got != test.expired {
			t.Errorf("%+v of %q: got %q, want %q", test.rule, test.all, got, test.expired)
		}
	}
}
