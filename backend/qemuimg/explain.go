package qemuimg

import (
	"errors"
	"regexp"

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
		return &host.InUseError{Path: m[1]}
	}
	return err
}
