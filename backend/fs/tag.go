package fs

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// tagDirs are the directories with udev's links for the tags of fstab(5).
var tagDirs = map[string]string{
	"UUID": "by-uuid", "LABEL": "by-label", "PARTUUID": "by-partuuid", "PARTLABEL": "by-partlabel",
}

// isTag reports whether a source names its device by a tag, as in fstab(5).
func isTag(path string) bool {
	name, _, ok := strings.Cut(path, "=")
	return ok && tagDirs[name] != ""
}

// tagLink returns udev's link for a tag, and any other path unchanged.
func tagLink(path string) string {
	if !isTag(path) {
		return path
	}
	name, value, _ := strings.Cut(path, "=")
	return "/dev/disk/" + tagDirs[name] + "/" + encodeLink(value)
}

// encodeLink encodes a tag's value as udev does in the name of a link (encode_devnode_name in systemd's
// src/shared/device-nodes.c).
func encodeLink(value string) string {
	var b strings.Builder
	for i := 0; i < len(value); {
		r, size := utf8.DecodeRuneInString(value[i:])
		isPlain := '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' ||
			strings.ContainsRune("#+-.:=@_", r) || size > 1
		if isPlain {
			b.WriteString(value[i : i+size])
		} else {
			fmt.Fprintf(&b, `\x%02x`, value[i])
		}
		i += size
	}
	return b.String()
}
