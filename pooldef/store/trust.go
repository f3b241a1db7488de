package store

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"poolctl/backend/fault"
	"poolctl/backend/host/shell"
)

// A TrustError reports that users other than root and the running one can change a file or directory of the
// store, or read a secret. It wraps fs.ErrPermission.
type TrustError struct {
	Path string
	// Fix is a command that restores trust, such as "chown", "root:", "/etc/poolctl/x.xml". It is nil if no
	// single command does.
	Fix  []string
	text string
}

func (e *TrustError) Error() string { return e.Path + " is not trusted: " + e.text }

// Kind implements [fault.Error].
func (*TrustError) Kind() fault.Kind { return fault.Permission }

// HintLine implements [fault.Hinter].
func (e *TrustError) HintLine() string { return shell.Join(e.Fix...) }

// Unwrap returns fs.ErrPermission.
func (e *TrustError) Unwrap() error { return fs.ErrPermission }

// checkTrust returns a TrustError for a file that belongs to neither root nor the running user, or has one of
// the forbidden mode bits. The mode of a symbolic link is ignored, because it has no effect.
func checkTrust(path string, stat *unix.Stat_t, forbidden uint32) error {
	mode, kind := stat.Mode&0o777, stat.Mode&unix.S_IFMT
	if isTrusted(stat) && (kind == unix.S_IFLNK || mode&forbidden == 0) {
		return nil
	}
	option := map[uint32]string{unix.S_IFDIR: "-R", unix.S_IFLNK: "-h"}[kind]
	fix := func(command, what string) []string {
		words := []string{command, option, what, path}
		return slices.DeleteFunc(words, func(word string) bool { return word == "" })
	}
	switch {
	case !isTrusted(stat):
		text := fmt.Sprintf("it belongs to user %d", stat.Uid)
		return &TrustError{path, fix("chown", runningUser()+":"), text}
	case forbidden == 0o077:
		text := fmt.Sprintf("other users can use it (mode %04o, not 0600)", mode)
		return &TrustError{path, fix("chmod", "0600"), text}
	default:
		text := fmt.Sprintf("other users can change it (mode %04o)", mode)
		return &TrustError{path, fix("chmod", "go-w"), text}
	}
}

func runningUser() string {
	if uid := os.Geteuid(); uid != 0 {
		return strconv.Itoa(uid)
	}
	return "root"
}

// refuseIfRoot returns a TrustError as an error for root, who acts for the whole machine, and as a warning
// for other users.
func refuseIfRoot(untrusted error) (warning, err error) {
	if untrusted == nil || os.Geteuid() == 0 {
		return nil, untrusted
	}
	return untrusted, nil
}
