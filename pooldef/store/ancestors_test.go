package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckAncestors checks that a directory is refused if another user can change or replace a directory or
// link on its path.
func TestCheckAncestors(t *testing.T) {
	needsRoot(t)
	nothing := func(string) error { return nil }
	const theirs, loose = "TOP/theirs, which leads to it, belongs to user 4711",
		"other users can change TOP/theirs, which leads to it"
	for _, test := range []struct {
		name         string
		change       func(top string) error // applied to top/theirs/etc; etc is the store's directory
		path         string                 // of the directory, relative to top
		refused, fix string                 // TOP stands for top
	}{
		{"root's", nothing, "theirs/etc", "", ""},
		{"stranger's", changeOwner("theirs"), "theirs/etc", theirs, "cp -rHT TOP/theirs/etc /root/etc"},
		{"group's", changeMode("theirs", 0o775), "theirs/etc", loose + " (mode 0775)", "chmod go-w TOP/theirs"},
		{"everybody's", changeMode("theirs", 0o777), "theirs/etc", loose + " (mode 0777)", "chmod go-w TOP/theirs"},
		{"sticky", changeMode("theirs", 0o777|fs.ModeSticky), "theirs/etc", "", ""},
		{"stranger's link", addLink("theirs", "link", true), "link/etc",
			"TOP/link, which leads to it, belongs to user 4711",
			"cp -rHT TOP/link/etc /root/etc"},
		{"root's link", addLink("theirs", "link", false), "link/etc", "", ""},
		{"root's link to it", addLink("theirs/etc", "link", false), "link", "", ""},
		{"link into theirs", inOrder(addLink("theirs/etc", "link", false), changeOwner("theirs")), "link", theirs,
			"cp -rHT TOP/link /root/link"},
		{"link by ..", inOrder(addLink("theirs/../theirs/./etc", "link", false), changeOwner("theirs")), "link",
			theirs,
			"cp -rHT TOP/link /root/link"},
		{"link in a link", inOrder(addLink("theirs", "a", true), addLink("a/etc", "b", false)), "b",
			"TOP/a, which leads to it, belongs to user 4711", "cp -rHT TOP/b /root/b"},
		{"a link to itself", addLink("loop", "loop", false), "loop/etc", "", ""},
		{"below a stranger's, missing", changeOwner("theirs"), "theirs/new/etc", theirs, ""},
		{"missing", nothing, "new/etc", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			top := t.TempDir()
			if err := errors.Join(os.MkdirAll(top+"/theirs/etc", 0o755), test.change(top)); err != nil {
				t.Fatal(err)
			}
			err := checkAncestors(filepath.Join(top, test.path))
			untrusted, ok := errors.AsType[*TrustError](err)
			if test.refused == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !ok ||
				untrusted.text != strings.ReplaceAll(test.refused, "TOP", top) ||
				strings.Join(untrusted.Fix, " ") != strings.ReplaceAll(test.fix, "TOP", top) {
				t.Errorf("%v: %+v", err, untrusted)
			}
		})
	}
}

func changeOwner(name string) func(string) error {
	return func(top string) error { return os.Chown(filepath.Join(top, name), otherUser, 0) }
}

func changeMode(name string, mode fs.FileMode) func(string) error {
	return func(top string) error { return os.Chmod(filepath.Join(top, name), mode) }
}

func addLink(target, name string, theirs bool) func(string) error {
	return func(top string) error {
		owner := 0
		if theirs {
			owner = otherUser
		}
		path := filepath.Join(top, name)
		return errors.Join(os.Symlink(target, path), os.Lchown(path, owner, 0))
	}
}

func inOrder(changes ...func(string) error) func(string) error {
	return func(top string) error {
		var err error
		for _, change := range changes {
			err = errors.Join(err, change(top))
		}
		return err
	}
}

// TestUntrustedAncestors checks that root reads, creates and locks nothing below another user's directory,
// even through root's own symbolic link.
func TestUntrustedAncestors(t *testing.T) {
	needsRoot(t)
	for _, dir := range []string{"etc", "run", "credentials"} {
		s := trustStore(t)
		top := filepath.Dir(s.ConfigDir)
		s = &Store{ConfigDir: s.ConfigDir, RunDir: s.RunDir, Files: s.Files}
		theirs := filepath.Join(top, "theirs")
		moved := filepath.Join(theirs, dir)
		if err := errors.Join(os.Mkdir(theirs, 0o755), os.Chown(theirs, otherUser, 0)); err != nil {
			t.Fatal(err)
		}
		uses := "pool all source" // without secrets or a definition for the record
		switch dir {
		case "run":
			s.RunDir, uses = moved, "pool record all"
		case "credentials":
			s.Credentials, uses = moved, "secret"
		default:
			s.ConfigDir = moved
		}
		for use, err := range s.use() {
			refused := strings.Contains(uses, use)
			if _, ok := errors.AsType[*TrustError](err); ok != refused {
				t.Errorf("%s, %s: %v", dir, use, err)
			}
		}
		if dir == "credentials" {
			continue
		}
		_, lockErr := s.LockPool(t.Context(), "x", Shared)
		if untrusted := (*TrustError)(nil); errors.As(lockErr, &untrusted) != (dir == "run") ||
			exists(moved) {
			t.Errorf("%s: %v", dir, lockErr)
		}
	}
}
