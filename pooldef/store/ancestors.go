package store

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// openDirectory opens a directory of the store, and checks who can change it and who can put another one in its
// place. Root is refused one that others can change or replace; doubt tells other users.
func (s *Store) openDirectory(path string) *directory {
	way, known := s.ancestorChecks.Load(path)
	if !known {
		way = ancestorCheck{checkAncestors(path)}
		s.ancestorChecks.Store(path, way)
	}
	d := openDirectory(path)
	if untrusted := way.(ancestorCheck).err; untrusted != nil {
		doubt, err := refuseIfRoot(untrusted)
		if d.warning = doubt; err != nil {
			d.err = err
		}
	}
	return d
}

// A ancestorCheck has the answer of checkWay.
type ancestorCheck struct{ err error }

// maxLinks is how many symbolic links the kernel follows in one path (path_resolution(7)).
const maxLinks = 40

// checkAncestors returns a TrustError if another user can put another directory in the place of the one at path,
// whose owner and mode prove nothing then. Every directory and symbolic link on the way from / has to belong
// to root or the running user, and others must not be able to write to a directory, unless its sticky bit
// keeps them from what is not theirs. So nobody can change what has been checked of the way while the rest
// is. sshd has the same rule (StrictModes of sshd_config(5)).
func checkAncestors(path string) error {
	path, err := filepath.Abs(path)
	at, names := "/", components(path)
	for links := 0; err == nil && len(names) > 0 && links <= maxLinks; {
		step, seen := lstat(at + "/") // with the slash, what is mounted on demand is mounted first
		if !seen {
			return nil
		}
		if step.Mode&unix.S_ISVTX == 0 && step.Mode&0o022 != 0 || !isTrusted(step) {
			return ancestorError(path, at, step)
		}
		name := filepath.Join(at, names[0])
		next, seen := lstat(name)
		if !seen {
			return nil
		}
		if names = names[1:]; next.Mode&unix.S_IFMT != unix.S_IFLNK {
			at = name
			continue
		}
		if !isTrusted(next) {
			return ancestorError(path, name, next)
		}
		links++
		var target string
		target, err = os.Readlink(name)
		if names = append(components(target), names...); filepath.IsAbs(target) {
			at = "/"
		}
	}
	return err
}

// lstat returns nothing of what is missing, or not ours to see: opening it tells that.
func lstat(path string) (stat *unix.Stat_t, seen bool) {
	stat = &unix.Stat_t{}
	return stat, unix.Lstat(path, stat) == nil
}

// components are the names in a path.
func components(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(name string) bool { return name == "" || name == "." })
}

func isTrusted(stat *unix.Stat_t) bool { return stat.Uid == 0 || int(stat.Uid) == os.Geteuid() }

// ancestorError tells what is wrong with a directory or link on the way to path. One that belongs to another user
// may be needed by that user as it is: a copy of path in root's own directory mends it, if there is anything
// to copy.
func ancestorError(path, at string, stat *unix.Stat_t) error {
	if isTrusted(stat) {
		text := fmt.Sprintf("%s on the way to it may be changed by others (mode %04o)", at, stat.Mode&0o7777)
		return &TrustError{path, []string{"chmod", "go-w", at}, text}
	}
	e := &TrustError{Path: path, text: fmt.Sprintf("%s on the way to it belongs to user %d", at, stat.Uid)}
	if exists(path) {
		e.Fix = []string{"cp", "-rHT", path, filepath.Join("/root", filepath.Base(path))}
	}
	return e
}
