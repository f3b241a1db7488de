// Package all is the list of the backends.
package all

import (
	"poolctl/backend"
	"poolctl/backend/dir"
	"poolctl/backend/fs"
	"poolctl/backend/host"
	"poolctl/backend/logical"
	"poolctl/backend/mpath"
	"poolctl/backend/netfs"
	"poolctl/backend/scsi"
	"poolctl/pooldef"
)

// Backends returns every backend there is, working on h with the secrets s.
func Backends(h host.Host, s backend.Secrets) map[pooldef.Type]backend.Backend {
	return map[pooldef.Type]backend.Backend{
		pooldef.Dir:     dir.New(h, s),
		pooldef.FS:      fs.New(h, s),
		pooldef.Logical: logical.New(h, s),
		pooldef.Mpath:   mpath.New(h, s),
		pooldef.NetFS:   netfs.New(h, s),
		pooldef.SCSI:    scsi.New(h, s),
	}
}
