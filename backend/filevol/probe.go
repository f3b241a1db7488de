package filevol

import (
	"io/fs"
	"time"

	"poolctl/backend/host/imagelock"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/image"
	"poolctl/pooldef"
)

// probe reads the image header of a file or block device. It also returns the size of the file or device in
// bytes.
func probe(h *safeopen.Handle) (image.Info, uint64, error) {
	fd, err := h.Open()
	if err != nil {
		return image.Info{}, 0, err
	}
	defer fd.Close()
	return probeOpen(h, fd)
}

// probeOpen is probe for a file that is open.
func probeOpen(h *safeopen.Handle, fd safeopen.FD) (info image.Info, length uint64, err error) {
	size := h.Size
	if h.IsBlock() {
		if size, err = fd.Size(); err != nil {
			return image.Info{}, 0, &fs.PathError{Op: "seek", Path: h.Path, Err: err}
		}
	}
	if info, err = image.Probe(fd, size); err != nil {
		return image.Info{}, 0, &fs.PathError{Op: "read", Path: h.Path, Err: err}
	}
	info.Dirty = info.Dirty && !imagelock.IsWritten(int(fd))
	return info, uint64(size), nil
}

// isVolumeHandle reports whether a handle is a regular file, directory or block device. libvirt also ignores
// all other files.
func isVolumeHandle(h *safeopen.Handle) bool { return h.IsDir() || h.HasData() }

func handlePermissions(h *safeopen.Handle) pooldef.Permissions {
	return permissions(h.Mode, h.Uid, h.Gid)
}

func permissions(mode, uid, gid uint32) pooldef.Permissions {
	mode &= 0o777
	return pooldef.Permissions{Mode: &mode, Owner: &uid, Group: &gid}
}

func times(h *safeopen.Handle) *pooldef.Timestamps {
	return &pooldef.Timestamps{Access: time.Unix(h.Atim.Unix()), Modify: time.Unix(h.Mtim.Unix()),
		Change: time.Unix(h.Ctim.Unix())}
}
