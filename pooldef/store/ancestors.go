package store

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
)

// openDirectory opens a directory of the store and checks who can change or replace it. If other users can,
// root gets err, and another user a warning.
func (s *Store) openDirectory(path string) *directory {
	check, known := s.ancestorChecks.Load(path)
	if !known {
		check = ancestorCheck{checkAncestors(path)}
		s.ancestorChecks.Store(path, check)
	}
	d := openDirectory(path)
	if untrusted := check.(ancestorCheck).err; untrusted != nil {
		warning, err := refuseIfRoot(untrusted)
		if d.warning = warning; err != nil {
			d.err = err
		}
	}
	return d
}

// An ancestorCheck is the result of checkAncestors for one path.
type ancestorCheck struct{ err error }

// maxLinks is the maximum number of symbolic links that the kernel follows in one path (path_resolution(7)).
const maxLinks = 40

// checkAncestors returns a TrustError if another user can replace the directory at path, whose own owner and
// mode would then prove nothing. Every directory and symbolic link from / to path must belong to root or the
// running user. Others must not be able to write to these directories, unless the sticky bit protects the
// entries of other owners. Then nobody can change a part of the path that was checked while the rest is being
// checked. sshd has the same rule (StrictModes of sshd_config(5)).
func checkAncestors(path string) error {
	path, err := filepath.Abs(path)
	at, names := "/", components(path)
	for links := 0; err == nil && len(names) > 0 && links <= maxLinks; {
		step, seen := lstat(at + "/") // the slash makes automount points mount first
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

// lstat returns the status of a file, or false if the file is missing or not accessible. Opening it reports
// why.
func lstat(path string) (stat *unix.Stat_t, seen bool) {
	stat = &unix.Stat_t{}
	return stat, retry.Lstat(path, stat) == nil
}

// components returns the names in a path.
func components(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"),
		func(name string) bool { return name == "" || name == "." })
}

// isTrusted reports whether a file belongs to root or the running user.
func isTrusted(stat *unix.Stat_t) bool { return stat.Uid == 0 || int(stat.Uid) == os.Geteuid() }

// ancestorError describes what is wrong with at, a directory or link on the path to a directory of the store.
// If at belongs to another user, that user may need it unchanged: the fix is then to copy path, if it exists,
// to root's home directory.
func ancestorError(path, at string, stat *unix.Stat_t) error {
	if isTrusted(stat) {
		text := fmt.Sprintf("other users can change %s, which leads to it (mode %04o)", at, stat.Mode&0o7777)
		return &TrustError{path, []string{"chmod", "go-w", at}, text}
	}
	e := &TrustError{Path: path, text: fmt.Sprintf("%s, which leads to it, belongs to user %d", at, stat.Uid)}
	if exists(path) {
		e.Fix = []string{"cp", "-rHT", path, filepath.Join("/root", filepath.Base(path))}
	}
	return e
}
