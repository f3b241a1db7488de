package image

import (
	"path/filepath"
	"slices"
	"strings"
)

// maxReference is the maximum length of a string that is parsed: the longest path in Linux. It also limits
// the size and the depth of JSON.
const maxReference = 4096

// A Reference is a parsed reference to a backing file.
type Reference struct {
	Path          string // if Local: absolute, or joined to the image's directory; otherwise the original string
	Local         bool
	NotUnderstood string // for JSON: why it may have an unknown meaning; such a reference is never local
}

// ParseReference parses a reference as libvirt does, for an image in the directory dir:
//
//	fat:DIR     the directory
//	json:{...}  the file or device, if the object consists only of qemu's drivers file, host_device or
//	            host_cdrom, possibly below raw
//	PROTO:...   not local: there is a colon before the first slash
//	PATH        the file
//
// A reference that does not name a file of this host is not local. ParseReference does not check whether the
// file exists. It keeps .. in paths, because the preceding element may be a symbolic link, and the kernel
// continues from the link's target.
func ParseReference(s, dir string) Reference {
	path, problem := localPath(s)
	if path == "" || strings.Contains(path, "\x00") {
		return Reference{Path: s, NotUnderstood: problem}
	}
	if !filepath.IsAbs(path) {
		path = dir + "/" + path
	}
	return Reference{Path: tidy(path), Local: true}
}

// tidy removes empty and . elements from an absolute path. It keeps every .. element.
func tidy(path string) string {
	names := slices.DeleteFunc(
		strings.Split(path, "/"), func(name string) bool { return name == "" || name == "." },
	)
	return "/" + strings.Join(names, "/")
}

// localPath returns the path in a reference, or "", and what is not understood.
func localPath(s string) (path, problem string) {
	text, isJSON := strings.CutPrefix(s, "json:")
	if len(s) > maxReference {
		if isJSON {
			problem = "it is too long"
		}
		return "", problem
	}
	if isJSON {
		file, err := jsonFile(text)
		if err != nil {
			return "", err.Error()
		}
		return file, ""
	}
	path = strings.TrimPrefix(s, "fat:")
	if protocol, _, _ := strings.Cut(path, "/"); strings.Contains(protocol, ":") {
		return "", ""
	}
	return path, ""
}
