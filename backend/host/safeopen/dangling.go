package safeopen

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"poolctl/backend/fault"
	"poolctl/backend/host/shell"
)

// A DanglingError reports a symbolic link that leads to nothing. It wraps ENOENT.
type DanglingError struct {
	Link string // its path, in which no other link is
	To   string // the absolute path that does not exist
}

func (e *DanglingError) Error() string {
	return fmt.Sprintf("%q is a symbolic link to %q, which does not exist", e.Link, e.To)
}

// Kind implements [fault.Error].
func (*DanglingError) Kind() fault.Kind { return fault.State }

// HintLine implements [fault.Hinter].
func (e *DanglingError) HintLine() string {
	return fmt.Sprintf("%s, or remove the link: %s", shell.Join("mkdir", "-p", e.To), shell.Join("rm", e.Link))
}

// Unwrap returns ENOENT, as from stat(2).
func (e *DanglingError) Unwrap() error { return unix.ENOENT }

// FindDangling returns the symbolic link on an absolute path because of which nothing is there, or nil if no
// link is the reason. If the link leads to other links, FindDangling returns the first.
func FindDangling(path string) *DanglingError {
	been, ahead := "/", path
	var link string // the first link of those that are followed now
	rest := ""      // of path, after link
	for links := 0; ahead != "" && links <= maxLinks; {
		if link != "" && len(ahead) <= len(rest) { // link has led to been, which exists
			link = ""
		}
		var name string
		name, ahead, _ = strings.Cut(ahead, "/")
		next := filepath.Join(been, name)
		target, err := os.Readlink(next)
		switch {
		case err == nil:
			links++
			if link == "" {
				link, rest = next, ahead
			}
			if filepath.IsAbs(target) {
				been = "/"
			}
			ahead = target + "/" + ahead
		case !isMissing(next):
			been = next
		case link == "":
			return nil
		default:
			to := strings.TrimSuffix("/"+ahead, "/"+rest)
			return &DanglingError{Link: link, To: filepath.Join(next, to)}
		}
	}
	return nil
}

func isMissing(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}
