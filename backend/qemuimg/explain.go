package qemuimg

import (
	"errors"
	"path/filepath"
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
		path := m[1]
		if !filepath.IsAbs(path) {
			path = filepath.Join(exit.Command.Dir, path)
		}
		return &host.InUseError{Path: path}
	}
	return err
}
