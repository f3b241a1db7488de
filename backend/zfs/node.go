package zfs

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// blkZName is the ioctl that returns the name of a device's volume: BLKZNAME of ZFS's sys/fs/zfs.h,
// _IOR(0x12, 125, char[256]).
const blkZName = 0x8100127d

// volumeAt is kernelVolume. Goldens replace it.
var volumeAt = kernelVolume

// kernelVolume returns the full name of the volume whose device is at a path, or "" if there is none. A link
// alone does not identify a volume: udev updates links after the devices, and a new volume can get the device
// of a deleted one.
func kernelVolume(path string) string {
	number, err := host.DeviceNumber(path)
	if err != nil {
		return ""
	}
	if device, err := os.Readlink("/sys/dev/block/" + number); err != nil ||
		!strings.HasPrefix(filepath.Base(device), "zd") {
		return ""
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	var name [256]byte
	if _, _, errno := unix.Syscall(
		unix.SYS_IOCTL, f.Fd(), blkZName, uintptr(unsafe.Pointer(&name)),
	); errno != 0 {
		return ""
	}
	text, _, _ := bytes.Cut(name[:], []byte{0})
	return string(text)
}

// hasDevice reports whether a volume's device is at its path.
func hasDevice(p *pooldef.Pool, name string) bool { return volumeAt(path(p, name)) == key(p, name) }

// await waits for a volume's device. It returns an error if volmode is "none".
func (b *Backend) await(ctx context.Context, p *pooldef.Pool, name, volmode string) error {
	if volmode == "none" {
		return &backend.StateError{
			Text: fmt.Sprintf("the volumes of %q have no devices (volmode=none)", p.Source.Name),
		}
	}
	return b.Host.Change(
		ctx,
		host.Await{Path: path(p, name), Is: func() bool { return kernelVolume(path(p, name)) == key(p, name) }},
	)
}

// checkNode returns an error if a volume's device is not at its path.
func (b *Backend) checkNode(ctx context.Context, p *pooldef.Pool, r *row) error {
	if hasDevice(p, r.name) {
		return nil
	}
	if host.Settle(ctx, b.Host); hasDevice(p, r.name) {
		return nil
	}
	return &backend.StateError{
		Text: fmt.Sprintf("the volume has no device at %q", path(p, r.name)),
		Hint: "zfs get volmode -- " + shell.Quote(key(p, r.name)) + " shows whether it should have one",
	}
}

// Locate implements backend.Locator. It finds a volume by its full name in ZFS, by /dev/zvol/DATASET/NAME,
// and by any path to its device.
func (b *Backend) Locate(_ context.Context, p *pooldef.Pool, pathOrKey string) (string, bool) {
	parent, err := dataset(p)
	if err != nil {
		return "", false
	}
	if name, ok := inDataset(parent, pathOrKey); ok {
		return name, true
	}
	place, err := filepath.Abs(pathOrKey)
	if err != nil || pathOrKey == "" {
		return "", false
	}
	if key, ok := strings.CutPrefix(place, zvols); ok {
		return inDataset(parent, strings.ReplaceAll(key, "+", " "))
	}
	return inDataset(parent, volumeAt(place))
}

// inDataset returns the name of a volume within its dataset, given the full name.
func inDataset(parent, key string) (string, bool) {
	name, ok := strings.CutPrefix(key, parent+"/")
	if !ok || !isPart(name) || tempNames.Match(name) {
		return "", false
	}
	return name, true
}
