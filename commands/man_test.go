package commands

import (
	"os"
	"os/exec"
	"testing"
)

// TestManualPage holds docs/poolctl.8 against the grammar. UPDATE=1 writes it anew.
func TestManualPage(t *testing.T) {
	const file = "../docs/poolctl.8"
	page, err := exec.Command("poolctl", "__man").Output()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if stored, err := os.ReadFile(file); err != nil || string(stored) != string(page) {
		t.Errorf("%s is not what poolctl __man prints (%v): UPDATE=1 go test ./commands -run ManualPage", file, err)
	}
	if _, err := exec.LookPath("mandoc"); err != nil {
		if os.Getenv("POOLCTL_TEST_ALL") != "" {
			t.Fatal(err)
		}
		t.Skip("NOT TESTED: whether the manual page is well-formed (mandoc is not installed)")
	}
	if problems, err := exec.Command("mandoc", "-T", "lint", "-W", "error", file).CombinedOutput(); err != nil {
		t.Errorf("mandoc: %v\n%s", err, problems)
	}
}
