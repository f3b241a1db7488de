package blockvol

import (
	"syscall"
	"time"

	"poolctl/pooldef"
)

// StatDevice fills in the permissions and times of the device at a path, which may differ from the target's
// path.
func (d Devices) StatDevice(t *pooldef.VolumeTarget, path string) error {
	info, err := d.Host.Stat(path)
	if err != nil {
		return err
	}
	s := info.Sys().(*syscall.Stat_t)
	mode, owner, group := s.Mode&0o777, s.Uid, s.Gid
	t.Permissions = pooldef.Permissions{Mode: &mode, Owner: &owner, Group: &group}
	t.Times = &pooldef.Timestamps{Access: time.Unix(s.Atim.Unix()), Modify: time.Unix(s.Mtim.Unix()),
		Change: time.Unix(s.Ctim.Unix())}
	return nil
}
