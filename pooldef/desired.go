package pooldef

import (
	"fmt"
	"strings"
)

// A Desired is what a document for diff and apply says about one pool: its definition, the state that it
// should have, and its volumes.
type Desired struct {
	Pool    *Pool
	File    string
	Line    int    // where the document begins
	YAML    []byte // the definition as its author wrote it, without state and volumes; nil for XML
	State   DesiredState
	Volumes []DesiredVolume
}

// A DesiredState is the state that a pool should have. What is not set stays as it is.
type DesiredState struct {
	Built     bool // create the storage if it is missing
	Active    *bool
	Autostart *bool
}

// A DesiredVolume is a volume that should exist, or should not.
type DesiredVolume struct {
	*Volume     // Backing.Path is the name of a volume if BackingPool is set, or if it is no absolute path
	Line        int
	Absent      bool
	BackingPool string        // the pool of the backing volume; empty: the volume's own pool
	Source      *VolumeSource // where a new volume gets its data; nil: it is empty
}

// A VolumeSource is where a new volume gets its data: a file, an image on a server, or another volume.
type VolumeSource struct {
	File string // a path; if relative, to the directory of the document
	URL  string
	// Sum is the SHA-256 or SHA-512 checksum of the file, or of the data as served, in lower-case hexadecimal
	// digits, whose number shows which. Empty: not checked.
	Sum          string
	Pool, Volume string // Pool empty: the new volume's own pool
}

// CheckSetName describes what is wrong with the name of a set of definitions, which a comment of an XML
// document must be able to hold (XML 1.0, section 2.5). It returns "" for a valid name.
func CheckSetName(name string) string {
	const limit = 4096
	switch {
	case name == "":
		return "the name of a set cannot be empty"
	case strings.ContainsFunc(name, isUnprintable):
		return fmt.Sprintf("%q: the name of a set cannot contain control characters or anything but UTF-8", name)
	case strings.Contains(name, "--") || strings.HasSuffix(name, "-"):
		return fmt.Sprintf("%q: the name of a set cannot contain \"--\" or end with '-'", name)
	case strings.TrimSpace(name) != name:
		return fmt.Sprintf("%q: the name of a set cannot begin or end with white space", name)
	case len(name) > limit:
		return fmt.Sprintf("the name of the set has %d bytes: the limit is %d", len(name), limit)
	}
	return ""
}
