package qemuimg

import (
	"errors"
	"path/filepath"
	"regexp"
	"strings"

	"poolctl/backend/host"
)

var locked = regexp.MustCompile(`Could not open '(.*)': Failed to get (?:shared )?".*" lock`)

// Explain returns an InUseError for qemu-img's complaint that an image is in use, and every other error as it is.
func Explain(err error) error {
	exit := (*host.ExitError)(nil)
	if !errors.As(err, &exit) {
		return err
	}
	if m := locked.FindStringSubmatch(exit.Stderr); m != nil {
		path := m[1]
		if !filepath.IsAbs(path) {
			path = filepath.Join(exit.Command.Dir, path)
		}
		return &host.InUseError{Path: path, Reading: exit.Command.Args[0] == "convert"}
	}
	return err
}

// IsBusy tells whether qemu-img gave up because it could not measure how fast this machine is, which it does for a new LUKS header
// (qcrypto_pbkdf2_count_iters in qemu's crypto/pbkdf.c). Another try may do.
func IsBusy(err error) bool {
	exit := (*host.ExitError)(nil)
	return errors.As(err, &exit) && strings.Contains(exit.Stderr, "Unable to get accurate CPU usage")
}
