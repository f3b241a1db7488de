package commands

import (
	"fmt"
	"io"
	"os"
	"os/exec"
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
