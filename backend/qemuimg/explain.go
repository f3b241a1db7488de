package qemuimg

import (
	"errors"
	"path/filepath"
	"regexp"
	"strings"

	"poolctl/backend/host"
)

var locked = regexp.MustCompile(`Could not open '(.*)': Failed to get (?:shared )?".*" lock`)

// named finds the path in what Image.options returns.
var named = regexp.MustCompile(`^driver=[a-z0-9]+,file\.filename=(.*?)(?:,(?:encrypt\.)?key-secret=key\d)?$`)

// Explain returns an InUseError for qemu-img's complaint that an image is in use, and every other error as it is.
func Explain(err error) error {
	exit := (*host.ExitError)(nil)
	if !errors.As(err, &exit) {
		return err
	}
	if m := locked.FindStringSubmatch(exit.Stderr); m != nil {
		path := m[1]
		if options := named.FindStringSubmatch(path); options != nil {
			path = strings.ReplaceAll(options[1], ",,", ",")
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(exit.Command.Dir, path)
		}
		return &host.InUseError{Path: path, Reading: exit.Command.Args[0] == "convert"}
	}
	return err
}
