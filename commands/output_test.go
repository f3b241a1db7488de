package commands

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOutputDocumented checks that docs/output.md lists exactly the fields that are printed.
func TestOutputDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/output.md")
	if err != nil {
		t.Fatal(err)
	}
	var finding []string
	for f := range reflect.TypeFor[jsonFinding]().Fields() {
		finding = append(finding, f.Tag.Get("json"))
	}
	for title, fields := range map[string][]string{
		"Fields of a pool": poolFields, "Fields of a volume": volumeFields, "Fields of a snapshot": snapshotFields,
		"Fields of a user": userFields, "Fields of a secret": secretFields, "What check prints": finding,
		"Fields of a node": treeFields,
	} {
		_, section, _ := strings.Cut(string(page), "## "+title+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
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
			t.Errorf("%s: documented %v\nprinted    %v", title, documented, sorted)
		}
	}
}

// TestJournalPriorities runs poolctl as a service of systemd whose standard error is the journal.
func TestJournalPriorities(t *testing.T) {
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(in.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.Command("poolctl", "--config-dir", dir, "--run-dir", dir, "pool-info", "images")
	cmd.Env = append(os.Environ(), fmt.Sprintf("JOURNAL_STREAM=%d:%d", st.Dev, st.Ino))
	cmd.Stderr = in
	_ = cmd.Run() // it fails
	in.Close()
	text, err := io.ReadAll(out)
	const want = "<3>error: Storage pool not found: \"images\"\n<6>hint: poolctl pool-list --all\n"
	if string(text) != want || err != nil {
		t.Errorf("got %q, error %v, want %q", text, err, want)
	}
}
