package driver

import (
	"cmp"
	"context"
	"fmt"

	"poolctl/backend"
	"poolctl/pooldef"
)

// Disk describes what a guest needs to use a volume.
func (d *Driver) Disk(ctx context.Context, v *Volume) (*pooldef.GuestDisk, error) {
	images := []*pooldef.Volume{v.Volume}
	if v.Type != "block" && v.Backing != nil && cmp.Or(v.Target.Format, "raw") != "raw" {
		if err := d.ReadChain(ctx, v); err != nil {
			return nil, err
		}
		images = append(images, v.Chain...)
	}
	if v.Err != nil {
		return nil, v.Err
	}
	disk := &pooldef.GuestDisk{CDROM: v.Target.Format == "iso"}
	for _, image := range images {
		described, err := d.diskImage(v, image)
		if err != nil {
			return nil, err
		}
		disk.Images = append(disk.Images, *described)
	}
	return disk, nil
}

// diskImage describes an image of the chain of a volume.
func (d *Driver) diskImage(of *Volume, image *pooldef.Volume) (*pooldef.DiskImage, error) {
	t := image.Target
	i := &pooldef.DiskImage{Format: cmp.Or(t.Format, "raw"), Path: t.Path, Encryption: t.Encryption}
	i.IsDevice = image.Type == "block"
	if i.IsDevice || i.Format == "iso" || i.Format == "unknown" { // unknown is what rbd pools report
		i.Format = "raw" // also of a partition, whose format is that of its content
	}
	if t.ExternalData {
		return nil, &backend.ExternalDataError{Path: t.Path}
	}
	if i.Encryption != nil {
		if len(i.Encryption.Secrets) == 0 {
			return nil, fmt.Errorf("%w: no secret for volume %q", pooldef.ErrNoSecret, t.Path)
		}
		i.KeyFile = d.Store.SecretFile(i.Encryption.Secrets[0], "volume")
	}
	p := of.Pool()
	switch image.Type {
	case "file", "block":
		return i, nil
	case "network":
		n, err := d.networkSource(of, t.Path)
		i.Network = n
		return i, err
	}
	return nil, &backend.UnsupportedError{Type: p.Type,
		What: "volumes of type " + image.Type + " as disks of guests"}
}

// networkSource describes how guests reach the image at a path, which is in the pool of a volume.
func (d *Driver) networkSource(of *Volume, path string) (*pooldef.NetworkSource, error) {
	p := of.Pool()
	networker, err := backend.As[backend.Networker](of.Backend, p.Type, "network disks")
	if err != nil {
		return nil, err
	}
	n, err := networker.NetworkSource(p, path)
	if err != nil {
		return nil, err
	}
	if n.Auth != nil {
		n.KeyFile = d.Store.SecretFile(n.Auth.Secret, authUsage[n.Protocol])
	}
	return n, nil
}

// authUsage has the usage types of the secrets for logins, by protocol.
var authUsage = map[string]string{"rbd": "ceph", "iscsi": "iscsi"}
