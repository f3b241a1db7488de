package blockvol

import (
	"context"

	"poolctl/backend/host"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// EncryptionHeaderSize is the size of the LUKS header, in bytes, as created by qemu-img and libvirt.
const EncryptionHeaderSize = 2 << 20

// PrepareEncryption checks the encryption of a new volume, and returns a function that encrypts the volume's
// device. The device must have room for the header in addition to the volume's capacity.
func (d *Devices) PrepareEncryption(
	v *pooldef.Volume,
) (encrypt func(ctx context.Context, path string) error, err error) {
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
		return qemuimg.TranslateError(err)
	}, nil
}
