package all

import (
	"os"
	"strings"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// has reports whether a backend has the capability C.
func has[C any](b backend.Backend) bool {
	_, ok := b.(C)
	return ok
}

// columns are the columns of the tables in docs/matrix.md and README.md that capabilities decide.
var columns = map[string]func(backend.Backend) bool{
	"create": has[backend.Creator], "clone, fetch": has[backend.Cloner], "resize": has[backend.Resizer],
	"wipe": has[backend.Wiper], "upload, download": has[backend.Uploader], "rename": has[backend.Renamer],
	"delete": has[backend.Deleter], "backing chain": has[backend.BackingChainer],
	"snapshots": has[backend.Snapshotter], "revert": has[backend.Reverter],
	"clone of a snapshot": has[backend.SnapshotCloner], "trim": has[backend.Trimmer],
	"check": has[backend.ImageChecker], "convert": has[backend.Converter],
	"flatten": has[backend.Flattener], "commit": has[backend.Committer], "rebase": has[backend.Rebaser],
	"fetch": has[backend.Cloner], "check, convert": has[backend.Converter],
	"flatten, commit, rebase": has[backend.Flattener],
	"move": func(b backend.Backend) bool {
		return has[backend.Holder](b) && has[backend.Deleter](b)
	},
}

// TestMatrix compares the tables of docs/matrix.md and README.md with the capabilities of the backends: a
// cell is empty if and only if the capability is missing. Each column is in a page, with all types.
func TestMatrix(t *testing.T) {
	backends := Backends(&host.Local{}, nil, time.Second)
	inMatrix, inReadme := checkTables(t, "docs/matrix.md", backends), checkTables(t, "README.md", backends)
	for column := range columns {
		for _, n := range []int{inMatrix[column], inReadme[column]} {
			if n != 0 && n != len(backends) {
				t.Errorf("column %q has %d pool types of %d", column, n, len(backends))
			}
		}
		if inMatrix[column]+inReadme[column] == 0 {
			t.Errorf("there is no column %q", column)
		}
	}
}

// checkTables compares the tables of a page with the backends, and counts the rows that each column has.
func checkTables(t *testing.T, page string, backends map[pooldef.Type]backend.Backend) map[string]int {
	t.Helper()
	text, err := os.ReadFile("../../" + page)
	if err != nil {
		t.Fatal(err)
	}
	var header []string
	checked := map[string]int{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(line, "|\n"), "|")
		switch name := strings.TrimSpace(cells[0]); {
		case line[0] != '|':
			header = nil
		case header == nil:
			header = cells
		case name != "---":
			for _, name := range strings.Split(strings.ReplaceAll(name, "`", ""), ", ") {
				checkRow(t, name, backends[pooldef.Type(name)], header, cells, checked)
			}
		}
	}
	return checked
}

// checkRow compares a row of a table with a backend, and counts the columns.
func checkRow(
	t *testing.T, name string, b backend.Backend, header, cells []string, checked map[string]int,
) {
	t.Helper()
	for i, column := range header {
		column = strings.TrimSpace(column)
		if can := columns[column]; can != nil && i < len(cells) {
			checked[column]++
			if cell := strings.TrimSpace(cells[i]); can(b) != (cell != "") {
				t.Errorf("%s: column %q is %q, but the capability is there: %v", name, column, cell, can(b))
			}
		}
	}
}
