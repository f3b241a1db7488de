package commands

import (
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPackage checks what the packages contain: the program, each manual page with the version, completion,
// the units, the documentation and no path of a program that was built by hand. scripts/release.d/test builds
// and installs the packages.
func TestPackage(t *testing.T) {
	program, err := exec.LookPath("poolctl")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	stage := exec.Command("../scripts/release.d/stage", program, root, "1.2.3", "2001-02-03")
	if out, err := stage.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := map[string]bool{
		"usr/sbin/poolctl": true, "usr/share/bash-completion/completions/poolctl": true,
		"usr/share/zsh/vendor-completions/_poolctl": true, "usr/share/fish/vendor_completions.d/poolctl.fish": true,
	}
	for directory, to := range map[string]string{
		"docs/man": "usr/share/man/man*", "scripts/systemd": "usr/lib/systemd/system",
		"docs":            "usr/share/doc/poolctl/docs",
		"docs/schema":     "usr/share/doc/poolctl/docs/schema",
		"docs/monitoring": "usr/share/doc/poolctl/docs/monitoring",
		"docs/pictures":   "usr/share/doc/poolctl/docs/pictures", ".": "usr/share/doc/poolctl",
	} {
		for _, name := range packaged(t, directory) {
			if directory == "docs/man" {
				section := name[strings.LastIndexByte(name, '.')+1:]
				want[strings.Replace(to, "*", section, 1)+"/"+name+".gz"] = true
			} else {
				want[to+"/"+name] = true
			}
		}
	}
	for name, text := range staged(t, root) {
		if !want[name] {
			t.Errorf("%s is in the packages", name)
		}
		delete(want, name)
		isPage := strings.HasSuffix(name, ".gz")
		if isPage && !strings.Contains(text, `" "2001-02-03" "poolctl 1.2.3"`) {
			t.Errorf("%s has another version: %.80s", name, text)
		}
		if (isPage || strings.HasSuffix(name, ".md")) && strings.Contains(text, "/usr/local/sbin/poolctl") {
			t.Errorf("%s names /usr/local/sbin/poolctl", name)
		}
	}
	for name := range want {
		t.Errorf("%s is missing", name)
	}
}

// packaged returns the files of a directory that belong into the packages.
func packaged(t *testing.T, directory string) []string {
	t.Helper()
	files, err := os.ReadDir(filepath.Join("..", directory))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		name := file.Name()
		switch {
		case file.IsDir(),
			directory == "docs" && !strings.HasSuffix(name, ".md"),
			directory == "scripts/systemd" && !strings.HasPrefix(name, "poolctl-"),
			directory == "." && name != "README.md" && name != "SECURITY.md" && name != "CHANGELOG.md":
			continue
		}
		names = append(names, name)
	}
	return names
}

// staged returns the files below a directory, by their paths. The texts of manual pages are unpacked.
func staged(t *testing.T, root string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		var r io.Reader = file
		if strings.HasSuffix(path, ".gz") {
			if r, err = gzip.NewReader(file); err != nil {
				return err
			}
		}
		text, err := io.ReadAll(r)
		texts[strings.TrimPrefix(path, root+"/")] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}
