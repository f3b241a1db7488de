package blockvol

import (
	"time"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Look fills in the permissions and times of the device at a path, which may be another than the target's.
func Look(t *pooldef.VolumeTarget, path string) error {
	h, err := host.Hold(path)
	if err != nil {
		return err
	}
	defer h.Close()
	mode, owner, group := h.Mode&0o777, h.Uid, h.Gid
	t.Permissions = pooldef.Permissions{Mode: &mode, Owner: &owner, Group: &group}
	t.Times = &pooldef.Timestamps{Access: time.Unix(h.Atim.Unix()), Modify: time.Unix(h.Mtim.Unix()), Change: time.Unix(h.Ctim.Unix())}
	return nil
}
