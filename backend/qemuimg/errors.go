package qemuimg

import (
	"errors"
	"strconv"
	"strings"

	"poolctl/backend/host"
	"poolctl/format/lazy"
)

// locked matches qemu-img's error about a file in use. The file's name is at the end.
var locked = lazy.Regexp(`(?s)Failed to get (?:shared )?".*" lock.*\[(.*)\]`)

// TranslateError returns an InUseError for qemu-img's error about an image in use. In all other errors, it
// replaces descriptors by the names of files.
func TranslateError(err error) error {
	exit, ok := errors.AsType[*host.ExitError](err)
	if !ok {
		return err
	}
	said := replaceDescriptors(exit.Command, exit.Stderr)
	if m := locked().FindStringSubmatch(said); m != nil {
		return &host.InUseError{Path: m[1], Reading: exit.Command.Args[0] == "convert"}
	}
	explained := *exit
	explained.Stderr = said
	return &explained
}

// replaceDescriptors replaces descriptors, and the JSON that describes an image, by the names of files.
func replaceDescriptors(c host.Command, text string) string {
	for _, arg := range c.Args {
		if strings.HasPrefix(arg, "json:") {
			all := descriptor().FindAllString(arg, -1)
			text = strings.ReplaceAll(text, arg, all[len(all)-1]) // the top image's file comes last
		}
	}
	return descriptor().ReplaceAllStringFunc(text, func(name string) string {
		n, err := strconv.Atoi(strings.TrimPrefix(name, "/dev/fd/"))
		if err != nil || n < 3 || n-3 >= len(c.Inputs) {
			return name
		}
		return c.Inputs[n-3].File
	})
}

var descriptor = lazy.Regexp(`/dev/fd/[0-9]+`)
