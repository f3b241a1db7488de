package qemuimg

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"poolctl/backend/host"
)

// locked is what qemu-img says of a file that is in use, and names the file at the end.
var locked = regexp.MustCompile(`(?s)Failed to get (?:shared )?".*" lock.*\[(.*)\]`)

// Explain returns an InUseError for qemu-img's complaint that an image is in use, and every other error with the names of files as
// people know them.
func Explain(err error) error {
	exit := (*host.ExitError)(nil)
	if !errors.As(err, &exit) {
		return err
	}
	said := named(exit.Command, exit.Stderr)
	if m := locked.FindStringSubmatch(said); m != nil {
		return &host.InUseError{Path: m[1], Reading: exit.Command.Args[0] == "convert"}
	}
	explained := *exit
	explained.Stderr = said
	return &explained
}

// named puts the names that people know in place of descriptors, and of the JSON that says what an image is.
func named(c host.Command, text string) string {
	for _, arg := range c.Args {
		if strings.HasPrefix(arg, "json:") {
			all := descriptor.FindAllString(arg, -1)
			text = strings.ReplaceAll(text, arg, all[len(all)-1]) // what is below stands before
		}
	}
	return descriptor.ReplaceAllStringFunc(text, func(name string) string {
		n, err := strconv.Atoi(strings.TrimPrefix(name, "/dev/fd/"))
		if err != nil || n < 3 || n-3 >= len(c.Inputs) {
			return name
		}
		return c.Inputs[n-3].File
	})
}

var descriptor = regexp.MustCompile(`/dev/fd/[0-9]+`)
