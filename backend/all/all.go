// Package all lists the backends of all pool types.
//
// A backend is a folder and a line here: deleting both removes the pool type.
package all

import (
	"time"

	"poolctl/backend"
	"poolctl/backend/dir"
	"poolctl/backend/disk"
	"poolctl/backend/fs"
	"poolctl/backend/gluster"
	"poolctl/backend/host"
	"poolctl/backend/iscsi"
	"poolctl/backend/logical"
	"poolctl/backend/mpath"
	"poolctl/backend/netfs"
	"poolctl/backend/rbd"
	"poolctl/backend/scsi"
	"poolctl/backend/sheepdog"
	"poolctl/backend/vstorage"
	"poolctl/backend/zfs"
	"poolctl/pooldef"
)

// Backends returns the backends of all pool types, which access the machine through h and use the secrets s.
// timeout is the time that a server may take to answer.
func Backends(h host.Host, s backend.Secrets, timeout time.Duration) map[pooldef.Type]backend.Backend {
	return map[pooldef.Type]backend.Backend{
		pooldef.Dir:         dir.New(h, s),
		pooldef.Disk:        disk.New(h, s, timeout),
		pooldef.FS:          fs.New(h, s),
		pooldef.Gluster:     gluster.New(h, s, timeout),
		pooldef.ISCSI:       iscsi.New(h, s, timeout),
		pooldef.ISCSIDirect: iscsi.NewDirect(h, s, timeout),
		pooldef.Logical:     logical.New(h, s),
		pooldef.Mpath:       mpath.New(h, s),
		pooldef.NetFS:       netfs.New(h, s, timeout),
		pooldef.RBD:         rbd.New(h, s, timeout),
		pooldef.SCSI:        scsi.New(h, s),
		pooldef.Sheepdog:    sheepdog.New(h, timeout),
		pooldef.Vstorage:    vstorage.New(h, s, timeout),
		pooldef.ZFS:         zfs.New(h, s, timeout),
	}
}
