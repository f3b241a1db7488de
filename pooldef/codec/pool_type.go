package codec

import (
	"cmp"
	"fmt"
	"strings"

	"poolctl/format"
	"poolctl/pooldef"
)

// otherNames are names by which people know pool types.
var otherNames = map[string]string{
	"nfs": "netfs", "cifs": "netfs", "smb": "netfs", "lvm": "logical", "ceph": "rbd", "directory": "dir",
	"glusterfs": "gluster", "zpool": "zfs", "multipath": "mpath", "partition": "disk",
}

// typeMeant returns text that asks about the pool type that an unknown one probably means, if any.
func typeMeant(unknown string) string {
	meant := cmp.Or(otherNames[strings.ToLower(unknown)], format.Similar(unknown, pooldef.TypeNames()))
	if meant == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", meant)
}
