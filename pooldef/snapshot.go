package pooldef

import (
	"fmt"
	"time"

	"poolctl/format/lazy"
)

// A Snapshot is a state of a volume that its storage has kept.
type Snapshot struct {
	Volume     string // the volume's name
	Name       string
	Created    time.Time // zero: unknown
	Capacity   Size      // of the volume at that time
	Allocation Size      // space that is freed if the snapshot is deleted
	Err        error     // in a listing: why the volume's snapshots are not known; the rest is then empty
}

// maxSnapshotName is the maximum length of a new snapshot's name, in bytes. Every type of storage permits
// names of this length.
const maxSnapshotName = 100

// isSnapshotName matches the names that new snapshots can have: those that no tool, shell or table
// misunderstands.
var isSnapshotName = lazy.Regexp(`^[a-zA-Z0-9_][a-zA-Z0-9_.:+-]*$`)

// CheckSnapshotName returns why a new snapshot cannot have a name, or "". Existing snapshots may have any
// name.
func CheckSnapshotName(name string) string {
	switch {
	case len(name) > maxSnapshotName:
		return fmt.Sprintf("the name has %d bytes: the limit for a snapshot is %d", len(name), maxSnapshotName)
	case !isSnapshotName().MatchString(name):
		return fmt.Sprintf("%q: names of snapshots consist of a-z A-Z 0-9 _ . : + - and begin with a letter, "+
			"a digit or _", name)
	}
	return ""
}
