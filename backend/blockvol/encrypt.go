package blockvol

import (
	"context"
	"errors"
	"io/fs"

	"poolctl/backend/host"
	"poolctl/backend/image"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// EncryptionHeaderSize is the size of the LUKS header, in bytes, as created by qemu-img and libvirt.
const EncryptionHeaderSize = 2 << 20

// HeaderSize returns how much larger than its capacity a device must be, in bytes: EncryptionHeaderSize if
// the device contains a LUKS header, otherwise 0. A device that does not exist, such as one that is not
// active, has no header. A guest can write a header as well; its content beyond the magic number is ignored.
func (d *Devices) HeaderSize(path string) (uint64, error) {
	h, err := d.Host.OpenPath(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer h.Close()
	fd, err := h.Open()
	if err != nil {
		return 0, err
	}
	defer fd.Close()
	size, err := fd.Size()
	if err != nil {
		return 0, &fs.PathError{Op: "seek", Path: path, Err: err}
	}
	found, err := image.Probe(fd, size)
	if err != nil {
		return 0, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	if found.Encryption == "luks" {
		return EncryptionHeaderSize, nil
	}
	return 0, nil
}

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
