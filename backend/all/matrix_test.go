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

// columns are the columns of the tables in docs/matrix.md that a capability decides.
var columns = map[string]func(backend.Backend) bool{
	"create": has[backend.Creator], "clone, fetch": has[backend.Cloner], "resize": has[backend.Resizer],
	"wipe": has[backend.Wiper], "upload, download": has[backend.Uploader], "rename": has[backend.Renamer],
	"delete": has[backend.Deleter], "backing chain": has[backend.BackingChainer],
	"snapshots": has[backend.Snapshotter], "revert": has[backend.Reverter],
	"clone of a snapshot": has[backend.SnapshotCloner], "trim": has[backend.Trimmer],
	"check": has[backend.ImageChecker], "convert": has[backend.Converter],
	"flatten": has[backend.Flattener], "commit": has[backend.Committer], "rebase": has[backend.Rebaser],
}

// TestMatrix compares the tables of docs/matrix.md with the capabilities of the backends: a cell is empty if
// and only if the capability is missing.
func TestMatrix(t *testing.T) {
	page, err := os.ReadFile("../../docs/matrix.md")
	if err != nil {
		t.Fatal(err)
	}
	backends := Backends(&host.Local{}, nil, time.Second)
	var header []string
	checked := map[string]int{}
	for line := range strings.Lines(string(page)) {
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
	for column := range columns {
		if checked[column] != len(backends) {
			t.Errorf("column %q has %d pool types of %d", column, checked[column], len(backends))
		}
	}
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
