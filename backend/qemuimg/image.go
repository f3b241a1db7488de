package qemuimg

import (
	"cmp"
	"fmt"
	"os"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/image"
)

// An Image is a complete description of an image for qemu-img: its format, and the files to open. qemu-img
// opens nothing else.
type Image struct {
	Path     string // the image's name in messages; of a backing file, the name to write into the header
	At       string // path of such a backing file
	Format   string // libvirt's name
	Capacity uint64 // bytes that a guest sees; 0 for a new image
	Key      *Key   // for an encrypted image
	InUse    bool   // others may write to the image while it is read
	Blank    bool   // a new image that reads as zeros, so zeros are not written
	Compress bool   // a new image whose data are compressed
	Backing  *Image // the backing image; nil: none, or none that is needed

	file     *os.File         // pinned; nil: opened by Path
	held     *safeopen.Handle // the same file, for inspection
	snapshot *image.Snapshot  // the snapshot to read; nil: the current state
	isDevice bool
	isRemote bool // Path names a Ceph image
	ceph     *RBD // a Ceph image, with a login
	write    bool
}

// Close closes an image and its backing images.
func (i *Image) Close() {
	for ; i != nil; i = i.Backing {
		if i.file != nil {
			i.file.Close()
			i.held.Close()
		}
	}
}

// Whole returns an error if a file has become shorter since the image was opened. qemu-img does not detect
// this: it reads zeros beyond the end of a file.
func (i *Image) Whole() error {
	for ; i != nil; i = i.Backing {
		if i.file == nil {
			continue
		}
		if now, err := retry.FileInfo(i.file); err != nil || now.Mode().IsRegular() && now.Size() < i.held.Size {
			return cmp.Or(err, fmt.Errorf("%q shrank while it was read", i.Path))
		}
	}
	return nil
}

// orClose returns the image if err is nil, and closes the image otherwise.
func (i *Image) orClose(err error) (*Image, error) {
	if err != nil {
		i.Close()
		return nil, err
	}
	return i, nil
}
