package commands

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var consoleBlock = regexp.MustCompile("(?s)```console\n(.*?)```")

// TestApplyTutorial types the commands of docs/apply.md, one after the other, below a directory of its own.
// They print what the page shows, unless it shows "...". After "cat FILE", the page shows the file to write.
func TestApplyTutorial(t *testing.T) {
	page, err := os.ReadFile("../docs/apply.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := strings.NewReplacer("/var/lib/", dir+"/", `"/srv/`, `"`+dir+"/").Replace(string(page))
	for _, block := range consoleBlock.FindAllStringSubmatch(text, -1) {
		for _, typed := range strings.Split("\n"+block[1], "\n$ ")[1:] {
			command, want, _ := strings.Cut(strings.TrimSuffix(typed, "\n")+"\n", "\n")
			if file, isFile := strings.CutPrefix(command, "cat "); isFile {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(want), 0o600); err != nil {
					t.Fatal(err)
				}
				continue
			}
			cmd := exec.Command("sh", "-c", command)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "POOLCTL_CONFIG_DIR="+dir+"/etc", "POOLCTL_RUN_DIR="+dir+"/run")
			got, _ := cmd.CombinedOutput() // the status of diff is 10
			if string(got) != want && want != "...\n" {
				t.Fatalf("$ %s\n%snot\n%s", command, got, want)
			}
		}
	}
}
