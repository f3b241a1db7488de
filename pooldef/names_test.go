package pooldef

import (
	"slices"
	"strings"
	"testing"
)

func TestCompareNames(t *testing.T) {
	names := []string{"C", "a", "_x", "10", "á", "B", "Z", "9", "b"}
	slices.SortFunc(names, CompareNames)
	if got := strings.Join(names, " "); got != "10 9 _x a B b C Z á" {
		t.Error(got)
	}
}
