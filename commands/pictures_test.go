package commands

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPictures checks that the documentation's pictures show what poolctl prints. Of a picture that Graphviz
// draws, whose versions differ, it checks the text. UPDATE=1 draws them.
func TestPictures(t *testing.T) {
	const dir = "../docs/pictures"
	drawn := t.TempDir()
	if os.Getenv("UPDATE") != "" {
		drawn = dir
	}
	if out, err := exec.Command("../scripts/pictures", drawn).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files, err := filepath.Glob(dir + "/*.*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if text, isSVG := strings.CutSuffix(file, ".svg"); isSVG && slices.Contains(files, text+".dot") {
			continue
		}
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
