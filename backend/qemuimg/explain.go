package qemuimg

import (
	"errors"
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
		if options := named.FindStringSubmatch(m[1]); options != nil {
			return &host.InUseError{Path: strings.ReplaceAll(options[1], ",,", ",")}
		}
		return &host.InUseError{Path: m[1]}
	}
	return err
}
