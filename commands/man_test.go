package commands

import (
	"os"
	"os/exec"
	"testing"
)

// TestManualPage checks that docs/poolctl.8 is the output of poolctl __man. UPDATE=1 rewrites it.
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
		const text = "%s is not the output of poolctl __man (%v): UPDATE=1 go test ./commands -run ManualPage"
		t.Errorf(text, file, err)
	}
	if _, err := exec.LookPath("mandoc"); err != nil {
		if os.Getenv("POOLCTL_TEST_ALL") != "" {
			t.Fatal(err)
		}
		t.Skip("NOT TESTED: whether the manual page is well-formed (mandoc is not installed)")
	}
	problems, err := exec.Command("mandoc", "-T", "lint", "-W", "error", file).CombinedOutput()
	if err != nil {
		t.Errorf("mandoc: %v\n%s", err, problems)
	}
}
