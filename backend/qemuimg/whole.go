package qemuimg

import (
	"fmt"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Whole returns an error if the file of a volume that was read has become shorter since it was looked at. qemu-img says nothing
// of that: behind the end of a file it reads zeros.
func Whole(v *pooldef.Volume) error {
	h, err := host.Hold(v.Target.Path)
	if err != nil {
		return err
	}
	defer h.Close()
	if h.IsFile() && v.Physical.Known && uint64(h.Size) < v.Physical.Bytes {
		return fmt.Errorf("%q has become shorter while it was read", v.Target.Path)
	}
	return nil
}
