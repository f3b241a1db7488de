package image

import (
	"path/filepath"
	"slices"
	"strings"
)

// maxReference is the longest string that is looked into: the longest path of Linux. It bounds the JSON too,
// in size and in depth.
const maxReference = 4096

// A Reference is what a backing string means.
type Reference struct {
	Path          string // absolute or joined to the image's directory if Local, otherwise the string itself
	Local         bool
	NotUnderstood string // JSON: why it may mean more than is understood, for people; such a reference is never local
}

// ParseReference reads a backing string as libvirt does, for an image in the directory dir:
//
//	fat:DIR     the directory
//	json:{...}  the file or device, when qemu's drivers file, host_device or host_cdrom are all that stand there, or raw above them
//	PROTO:...   not local: what precedes the first slash names no file if a colon is in it
//	PATH        the file
//
// What names no file of this host is not local. Whether a file exists is not asked, so a path with .. stays
// as it is: what precedes the dots may be a symbolic link, and the kernel goes on from where that leads.
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

// tidy removes from an absolute path the slashes and dots that lead nowhere. It leaves every .. alone.
func tidy(path string) string {
	names := slices.DeleteFunc(strings.Split(path, "/"), func(name string) bool { return name == "" || name == "." })
	return "/" + strings.Join(names, "/")
}

// localPath returns the path that s says, empty when it says none, and what of it is not understood.
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
