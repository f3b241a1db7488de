package store

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"poolctl/fault"
)

// A TrustError reports that users other than root and the running one can change a file or directory of the store, or read a
// secret in it. It wraps fs.ErrPermission.
type TrustError struct {
	Path string
	Fix  []string // the command that mends it: "chown", "root:", "/etc/poolctl/x.xml"; nil: no single one does
	text string
}

func (e *TrustError) Error() string { return e.Path + " is not trusted: " + e.text }

// Kind implements [fault.Error].
func (*TrustError) Kind() fault.Kind { return fault.Permission }

// Unwrap makes it fs.ErrPermission.
func (e *TrustError) Unwrap() error { return fs.ErrPermission }

// checkTrust refuses, by a TrustError, what belongs to neither root nor the running user, and what has one of the forbidden bits
// in its mode; a symbolic link's mode means nothing.
func checkTrust(path string, stat *unix.Stat_t, forbidden uint32) error {
	option := map[uint32]string{unix.S_IFDIR: "-R", unix.S_IFLNK: "-h"}[stat.Mode&unix.S_IFMT]
	mend := func(command, what string) []string {
		return slices.DeleteFunc([]string{command, option, what, path}, func(word string) bool { return word == "" })
	}
	switch mode := stat.Mode & 0o777; {
	case !isTrusted(stat):
		return &TrustError{path, mend("chown", runningUser()+":"), fmt.Sprintf("it belongs to user %d", stat.Uid)}
	case option == "-h" || mode&forbidden == 0:
		return nil
	case forbidden == 0o077:
		return &TrustError{path, mend("chmod", "0600"), fmt.Sprintf("it may be used by others (mode %04o, not 0600)", mode)}
	default:
		return &TrustError{path, mend("chmod", "go-w"), fmt.Sprintf("it may be changed by others (mode %04o)", mode)}
	}
}

func runningUser() string {
	if uid := os.Geteuid(); uid != 0 {
		return strconv.Itoa(uid)
	}
	return "root"
}

// refuseIfRoot makes an error of a TrustError for root, who acts for the whole machine, and a doubt for other users.
func refuseIfRoot(untrusted error) (doubt, err error) {
	if os.Geteuid() == 0 {
		return nil, untrusted
	}
	return untrusted, nil
}
