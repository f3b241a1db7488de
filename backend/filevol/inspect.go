package filevol

import (
	"errors"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"

	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/image"
	"poolctl/pooldef"
)

// inspect inspects a volume: its inode, and its image header. It returns nil if the volume does not exist or
// is not a volume. If the volume cannot be read, its Err says why.
func inspect(dir *host.Dir, p *pooldef.Pool, name string) *pooldef.Volume {
	v := newVolume(p, name)
	h, err := dir.OpenPath(name)
	if err == nil {
		defer h.Close()
		switch {
		case h.HasData():
			err = inspectFile(v, h)
		case h.IsDir():
			err = inspectDir(v, h)
		default:
			return nil
		}
	}
	if isNotFound(err) {
		return nil
	}
	v.Err = err
	return v
}

// isNotFound reports whether an error means that a file does not exist. This includes links that lead nowhere
// or in a circle, and files that were removed on a server (ESTALE).
func isNotFound(err error) bool {
	for _, gone := range []error{fs.ErrNotExist, unix.ELOOP, unix.ENOTDIR, unix.EINVAL, unix.ESTALE} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}

// inspectFile fills in the details of a file or block device.
func inspectFile(v *pooldef.Volume, h *safeopen.Handle) error {
	found, size, err := probe(h)
	return describeFile(v, h, found, size, err)
}

// inspectListed is inspect for a name in a listing. A regular file is opened at once, which saves a system
// call for each image. What cannot be opened, or is another file by now, is inspected as any other name.
func inspectListed(dir *host.Dir, p *pooldef.Pool, e safeopen.DirEntry) *pooldef.Volume {
	if !e.Type.IsRegular() {
		return inspect(dir, p, e.Name)
	}
	h, fd, err := dir.OpenListed(e.Name)
	if err != nil {
		return inspect(dir, p, e.Name)
	}
	defer fd.Close()
	v := newVolume(p, e.Name)
	found, size, err := probeOpen(h, fd)
	if err = describeFile(v, h, found, size, err); isNotFound(err) {
		return nil
	}
	v.Err = err
	return v
}

// describeFile fills in the details of a file or block device from what probe returned.
func describeFile(v *pooldef.Volume, h *safeopen.Handle, found image.Info, size uint64, err error) error {
	v.Type = "file"
	v.Target.Permissions, v.Target.Times = handlePermissions(h), times(h)
	v.Allocation, v.Physical = pooldef.Bytes(uint64(h.Blocks)*512), pooldef.Bytes(uint64(h.Size))
	if err != nil {
		return err
	}
	if h.IsBlock() {
		v.Allocation, v.Physical = pooldef.Bytes(size), pooldef.Bytes(size)
	}
	describe(v, found)
	return nil
}

// inspectDir fills in the details of a directory volume. A directory is a ploop image if it contains the two
// files that every ploop image has.
func inspectDir(v *pooldef.Volume, h *safeopen.Handle) error {
	v.Type, v.Target.Format = "dir", "dir"
	v.Target.Permissions, v.Target.Times = handlePermissions(h), times(h)
	v.Capacity, v.Allocation, v.Physical = pooldef.Bytes(0), pooldef.Bytes(0), pooldef.Bytes(0)
	descriptor, err := h.In("DiskDescriptor.xml")
	if err != nil {
		return nil // an ordinary directory
	}
	descriptor.Close()
	root, err := h.In("root.hds")
	if err != nil {
		return nil // an ordinary directory
	}
	defer root.Close()
	if !root.IsFile() {
		return nil
	}
	found, size, err := probe(root)
	v.Type, v.Target.Format = "ploop", "ploop"
	v.Capacity, v.Physical, v.Allocation = pooldef.Bytes(found.Capacity), pooldef.Bytes(size),
		pooldef.Bytes(uint64(root.Blocks)*512)
	return err
}

// describe fills in the details from an image header.
func describe(v *pooldef.Volume, found image.Info) {
	t := &v.Target
	v.Capacity = pooldef.Bytes(found.Capacity)
	t.Format, t.ClusterSize = found.Format, found.ClusterSize
	t.LazyRefcounts, t.ExtendedL2, t.ExternalData = found.LazyRefcounts, found.ExtendedL2, found.ExternalData
	t.DataFile, t.IsDirty, t.IsCorrupt = found.DataFile, found.Dirty, found.Corrupt
	// libvirt prints compat and features only for images that can have features.
	if found.Compat != "" && found.Compat != "0.10" {
		t.Compat, t.Features = found.Compat, true
	}
	if found.Encryption != "" {
		t.Encryption = &pooldef.Encryption{Format: found.Encryption}
	}
	if found.Backing != "" {
		dir, _ := filepath.Split(t.Path) // Dir would remove a link followed by ..
		reference := image.ParseReference(found.Backing, dir)
		v.Backing = &pooldef.VolumeTarget{Path: reference.Path, Format: found.BackingFormat}
		if !reference.Local && v.Backing.Format == "" {
			v.Backing.Format = "raw"
		}
	}
}

// complete adds the details that a listing omits: birth time, security label, secret and details of the
// backing file.
func (f Files) complete(dir *host.Dir, v *pooldef.Volume) {
	f.addSecret(v)
	if h, err := dir.OpenPath(v.Name); err == nil {
		v.Target.Permissions.Label, v.Target.Times.Birth = h.Label(), h.Birth()
		h.Close()
	}
	if v.Backing == nil || !filepath.IsAbs(v.Backing.Path) {
		return
	}
	h, err := safeopen.OpenUntrusted(v.Backing.Path)
	if err != nil {
		return
	}
	defer h.Close()
	if !isVolumeHandle(h) {
		return
	}
	v.Backing.Permissions, v.Backing.Times = handlePermissions(h), times(h)
	v.Backing.Times.Birth = h.Birth()
	if v.Backing.Format == "" && h.IsFile() {
		if found, _, err := probe(h); err == nil { // an unreadable file has no format
			v.Backing.Format = found.Format
		}
	}
}

// addSecret adds the secret that opens an encrypted volume, if a secret has the volume's path as its usage.
func (f Files) addSecret(v *pooldef.Volume) {
	e := v.Target.Encryption
	if e == nil || f.Secrets == nil {
		return
	}
	if s, err := f.Secrets.SecretOf("volume", v.Target.Path); err == nil && s != nil {
		e.Secrets = []pooldef.SecretRef{{Type: "passphrase", UUID: s.UUID}}
	}
}
