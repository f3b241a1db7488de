package host

import (
	"fmt"
	"testing"
)

// TestTempNames distinguishes leftovers from names in use.
func TestTempNames(t *testing.T) {
	m := TempNames{Prefix: ".x-"}
	made := m.New()
	if !m.Match(made) || m.IsStale(made) {
		t.Errorf("%s is in use", made)
	}
	m.Release(made)
	for name, left := range map[string]bool{
		made: true, ".x-1-0-1": true, fmt.Sprintf(".x-1-%s-1", startTime(1)): false, ".x-99999999-1-1": true,
		"v": false, ".x-y": false, ".y-1-0-1": false, "a.x-1-0-1": false,
	} {
		if m.IsStale(name) != left {
			t.Errorf("IsStale of %q: %v", name, !left)
		}
	}
}
