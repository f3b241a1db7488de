package commands

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestPictures checks that the README's pictures show what poolctl prints. UPDATE=1 draws them.
func TestPictures(t *testing.T) {
	const dir = "../docs/pictures"
	drawn := t.TempDir()
	if os.Getenv("UPDATE") != "" {
		drawn = dir
	}
	if out, err := exec.Command("../scripts/pictures", drawn).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files, err := filepath.Glob(dir + "/*.svg")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		stored, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		now, err := os.ReadFile(filepath.Join(drawn, filepath.Base(file)))
		if err != nil || string(now) != string(stored) {
			t.Errorf("%s is out of date (%v): scripts/pictures draws it", file, err)
		}
	}
}
