package qemuimg

import (
	"cmp"
	"fmt"
	"os"

	"poolctl/backend"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/image"
	"poolctl/pooldef"
)

// Open opens a volume and its backing chain for reading. It opens each image once, and reads headers from the
// open files. known decides for each backing image whether it may be read. The caller must call Close.
//
// Open refuses a volume with data in files that only its header names, and a backing image whose format the
// overlay does not record. Otherwise a guest that writes to the volume could name any file of
// this machine, or have a file interpreted in any format.
func Open(secrets backend.Secrets, v *pooldef.Volume, known backend.MayRead) (*Image, error) {
	h, err := safeopen.OpenPath(v.Target.Path)
	if err != nil {
		return nil, err
	}
	return OpenHandle(secrets, v, h, known)
}

// OpenHandle is Open for a volume's handle, which it takes over.
func OpenHandle(
	secrets backend.Secrets, v *pooldef.Volume, h *safeopen.Handle, known backend.MayRead,
) (*Image, error) {
	o := opener{secrets: secrets, known: known}
	top, info, err := o.top(v, h)
	if err == nil {
		err = o.below(top, info)
	}
	return top.orClose(err)
}

// OpenToResize opens a volume, held for writing, to change its size. It opens the backing chain only if a
// backing image is longer than the volume, because its data must not appear in the volume's new space.
func OpenToResize(
	secrets backend.Secrets, v *pooldef.Volume, h *safeopen.Handle, size uint64, known backend.MayRead,
) (*Image, error) {
	o := opener{secrets: secrets, known: known}
	top, info, err := o.top(v, h)
	if err == nil {
		err = checkSnapshots(v.Target.Path, info)
	}
	if err != nil {
		return top.orClose(err)
	}
	top.write = true
	if info.Backing == "" || size <= top.Capacity {
		return top, nil
	}
	length, err := lengthBelow(top, info)
	if err == nil && length > top.Capacity {
		err = o.below(top, info)
	}
	return top.orClose(err)
}

// An opener opens the images of a chain.
type opener struct {
	secrets backend.Secrets
	known   backend.MayRead
	seen    []*safeopen.Handle
}

// top opens a volume, which must match its description.
func (o *opener) top(v *pooldef.Volume, h *safeopen.Handle) (*Image, image.Info, error) {
	i, info, err := o.open(v.Target.Path, h)
	if err != nil {
		return i, info, err
	}
	i.Format = cmp.Or(v.Target.Format, "raw")
	if v.Type == "block" { // the pool's format is a partition type, and the content can look like any format
		i.Format, info = "raw", image.Info{Capacity: v.Capacity.Bytes, Encryption: encryptionOf(v)}
	}
	if info.Format != "" && info.Format != i.Format || info.Encryption != encryptionOf(v) {
		return i, info, fmt.Errorf("%q changed meanwhile", i.Path)
	}
	i.Capacity = info.Capacity
	if err = o.check(i, info); err == nil && v.Target.Encryption != nil {
		i.Key, err = key(o.secrets, SecretOf(v))
	}
	return i, info, err
}

func encryptionOf(v *pooldef.Volume) string {
	if v.Target.Encryption == nil {
		return ""
	}
	return v.Target.Encryption.Format
}

// open pins h, which it takes over, and reads the image's header.
func (o *opener) open(path string, h *safeopen.Handle) (*Image, image.Info, error) {
	f, err := h.Pin()
	if err != nil {
		h.Close()
		return nil, image.Info{}, err
	}
	i := &Image{Path: path, file: f, held: h, isDevice: h.IsBlock()}
	o.seen = append(o.seen, h)
	info, err := probe(f, h)
	return i, info, err
}

// probe reads the header of a pinned file.
func probe(f *os.File, h *safeopen.Handle) (image.Info, error) {
	fd, err := safeopen.OpenPinned(f)
	if err != nil {
		return image.Info{}, err
	}
	defer fd.Close()
	size := h.Size
	if h.IsBlock() {
		if size, err = fd.Size(); err != nil {
			return image.Info{}, err
		}
	}
	info, err := image.Probe(fd, size)
	if err == nil && IsRaw(info.Format) {
		info.Capacity = uint64(size)
	}
	return info, err
}

// check returns an error if qemu-img cannot read the image, or must not.
func (o *opener) check(i *Image, info image.Info) error {
	switch {
	case info.ExternalData:
		return &backend.ExternalDataError{Path: i.Path}
	case formats[i.Format] == "":
		return &UnsupportedError{
			Text: fmt.Sprintf("%q is a %s image, which qemu-img cannot write", i.Path, i.Format),
		}
	case info.Encryption != "" && info.Encryption != "luks":
		return &UnsupportedError{
			Text: fmt.Sprintf("%q is encrypted by %s, which poolctl cannot open", i.Path, info.Encryption),
		}
	}
	return nil
}
