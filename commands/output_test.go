package commands

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestOutputDocumented checks that docs/output.md lists exactly the fields that are printed.
func TestOutputDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/output.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "## Fields of a pool")
	pools, volumes, _ := strings.Cut(rest, "## Fields of a volume")
	volumes, secrets, _ := strings.Cut(volumes, "## Fields of a secret")
	secrets, _, _ = strings.Cut(secrets, "## Examples")
	for section, fields := range map[string][]string{pools: poolFields, volumes: volumeFields,
		secrets: secretFields} {
		var documented []string
		for line := range strings.Lines(section) {
			cells := strings.Split(line, "|")
			if len(cells) < 3 || !strings.Contains(cells[1], "`") {
				continue
			}
			for name := range strings.SplitSeq(cells[1], ",") {
				documented = append(documented, strings.Trim(name, " `"))
			}
		}
		slices.Sort(documented)
		if sorted := slices.Sorted(slices.Values(fields)); !slices.Equal(documented, sorted) {
			t.Errorf("documented %v\nprinted    %v", documented, sorted)
		}
	}
}
