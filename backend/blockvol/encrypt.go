package blockvol

import (
	"context"

	"poolctl/backend/host"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// EncryptionHeader is what LUKS takes of a device, as qemu-img and libvirt count it, in bytes.
const EncryptionHeader = 2 << 20

// Encryption checks how a new volume is to be encrypted, and returns what does that with its device, which has to have room for the header
// besides the volume's capacity.
func (d *Devices) Encryption(v *pooldef.Volume) (encrypt func(ctx context.Context, path string) error, err error) {
	image := *v
	image.Target.Format = "raw"
	if err := qemuimg.Check(&image, "", true); err != nil {
		return nil, err
	}
	key, err := qemuimg.NewKey(d.Secrets, v)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, path string) error {
		err := d.Host.Change(ctx, qemuimg.Encrypt(&image, path, v.Capacity.Bytes, key))
		if err == nil {
			err = d.Host.Change(ctx, host.Sync{Path: path})
		}
		return qemuimg.Explain(err)
	}, nil
}
