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

// inspect looks at one volume: its inode, and the header of its image. It returns nil for what is not there or is no volume.
// What cannot be read has its reason in Err.
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
	if isGone(err) {
		return nil
	}
	v.Err = err
	return v
}

// isGone tells whether an error means that there is no such file, if only because a link leads nowhere or in a circle, or, of a server's, not
// any more (ESTALE).
func isGone(err error) bool {
	for _, gone := range []error{fs.ErrNotExist, unix.ELOOP, unix.ENOTDIR, unix.EINVAL, unix.ESTALE} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}

// inspectFile fills in what there is to know of a file or block device.
func inspectFile(v *pooldef.Volume, h *safeopen.Handle) error {
	found, size, err := probe(h)
	v.Type = "file"
	v.Target.Permissions, v.Target.Times = heldPermissions(h), times(h)
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

// inspectDir fills in a directory volume. One that holds a ploop image is told by the two files that every one has.
func inspectDir(v *pooldef.Volume, h *safeopen.Handle) error {
	v.Type, v.Target.Format = "dir", "dir"
	v.Target.Permissions, v.Target.Times = heldPermissions(h), times(h)
	v.Capacity, v.Allocation, v.Physical = pooldef.Bytes(0), pooldef.Bytes(0), pooldef.Bytes(0)
	descriptor, err := h.In("DiskDescriptor.xml")
	if err != nil {
		return nil //nolint:nilerr // then it is a directory
	}
	descriptor.Close()
	root, err := h.In("root.hds")
	if err != nil {
		return nil //nolint:nilerr // then it is a directory
	}
	defer root.Close()
	if !root.IsFile() {
		return nil
	}
	found, size, err := probe(root)
	v.Type, v.Target.Format = "ploop", "ploop"
	v.Capacity, v.Physical, v.Allocation = pooldef.Bytes(found.Capacity), pooldef.Bytes(size), pooldef.Bytes(uint64(root.Blocks)*512)
	return err
}

// describe fills in what an image's header says.
func describe(v *pooldef.Volume, found image.Info) {
	t := &v.Target
	v.Capacity = pooldef.Bytes(found.Capacity)
	t.Format, t.ClusterSize = found.Format, found.ClusterSize
	t.LazyRefcounts, t.ExtendedL2, t.ExternalData = found.LazyRefcounts, found.ExtendedL2, found.ExternalData
	if found.Compat != "" && found.Compat != "0.10" { // libvirt prints compat and features only for those that can have features
		t.Compat, t.Features = found.Compat, true
	}
	if found.Encryption != "" {
		t.Encryption = &pooldef.Encryption{Format: found.Encryption}
	}
	if found.Backing != "" {
		dir, _ := filepath.Split(t.Path) // Dir would take a link and .. off the path
		reference := image.ParseReference(found.Backing, dir)
		v.Backing = &pooldef.VolumeTarget{Path: reference.Path, Format: found.BackingFormat}
		if !reference.Local && v.Backing.Format == "" {
			v.Backing.Format = "raw"
		}
	}
}

// complete adds what a listing does not need: the time of birth, the security label, and how the backing file is.
func (f Files) complete(dir *host.Dir, v *pooldef.Volume) {
	f.nameSecret(v)
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
	if !isHeldVolume(h) {
		return
	}
	v.Backing.Permissions, v.Backing.Times = heldPermissions(h), times(h)
	v.Backing.Times.Birth = h.Birth()
	if v.Backing.Format == "" && h.IsFile() {
		if found, _, err := probe(h); err == nil { // what cannot be read stays without a format
			v.Backing.Format = found.Format
		}
	}
}

// nameSecret tells which secret an encrypted volume is opened with, if there is one for its path.
func (f Files) nameSecret(v *pooldef.Volume) {
	e := v.Target.Encryption
	if e == nil || f.Secrets == nil {
		return
	}
	if s, err := f.Secrets.SecretOf("volume", v.Target.Path); err == nil && s != nil {
		e.Secrets = []pooldef.SecretRef{{Type: "passphrase", UUID: s.UUID}}
	}
}
