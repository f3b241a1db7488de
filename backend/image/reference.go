package image

import (
	"encoding/json"
	"path/filepath"
	"strings"
)

// maxReference is the longest string that is looked into: the longest path of Linux. It bounds the JSON too, in size and in depth.
const maxReference = 4096

// A Reference is what a backing string means.
type Reference struct {
	Path  string
	Local bool // Path is absolute or joined to the image's directory, and cleaned lexically; otherwise Path is the raw string
}

// ParseReference reads a backing string as libvirt does, for an image in the directory dir:
//
//	fat:DIR     the directory
//	json:{...}  the file or device, when qemu's drivers file, host_device or host_cdrom are all that stand there, or raw above them
//	PROTO:...   not local: what precedes the first slash names no file if a colon is in it
//	PATH        the file
//
// What names no file of this host is not local. Whether a file exists is not asked.
func ParseReference(s, dir string) Reference {
	path := localPath(s)
	if path == "" || strings.Contains(path, "\x00") {
		return Reference{Path: s}
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return Reference{Path: filepath.Clean(path), Local: true}
}

// localPath returns the path that s says, empty when it says none.
func localPath(s string) string {
	if len(s) > maxReference {
		return ""
	}
	if text, found := strings.CutPrefix(s, "json:"); found {
		return jsonFile(text)
	}
	path := strings.TrimPrefix(s, "fat:")
	if protocol, _, _ := strings.Cut(path, "/"); strings.Contains(protocol, ":") {
		return ""
	}
	return path
}

// A node is an object of qemu's block device options (qemu-block-drivers(7)).
type node map[string]json.RawMessage

// jsonFile returns the file that qemu's JSON names, empty when it names none or is not understood. An outer object without a driver is
// the file's parent, and one raw driver may stand above the file; other formats above it are nobody's backing file (libvirt's rules).
func jsonFile(text string) string {
	var n node
	if json.Unmarshal([]byte(text), &n) != nil {
		return ""
	}
	if _, found := n["driver"]; !found {
		n = n.child("file")
	}
	if n.text("driver") == "raw" {
		n = n.child("file")
	}
	switch n.text("driver") {
	case "file", "host_device", "host_cdrom":
		return n.text("filename")
	}
	return ""
}

// child returns the object named name, whether it stands there as one or flattened, as in "file.driver". One that does both is not understood.
func (n node) child(name string) node {
	child := node{}
	for key, value := range n {
		if rest, found := strings.CutPrefix(key, name+"."); found {
			child[rest] = value
		}
	}
	nested, found := n[name]
	if !found {
		return child
	}
	if len(child) > 0 || json.Unmarshal(nested, &child) != nil {
		return nil
	}
	return child
}

// text returns the string named name, empty when it is missing or is none.
func (n node) text(name string) string {
	var text string
	if json.Unmarshal(n[name], &text) != nil {
		return ""
	}
	return text
}
