package host

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// blkZName is the ioctl that returns the name of a device's volume: BLKZNAME of ZFS's sys/fs/zfs.h,
// _IOR(0x12, 125, char[256]).
const blkZName = 0x8100127d

// Zvol implements Devices. A link alone does not identify a volume: udev updates links after the devices, and
// a new volume can get the device of a deleted one.
func (l *Local) Zvol(device string) string {
	number, err := l.DeviceNumber(device)
	if err != nil {
		return ""
	}
	if dir, err := fs.ReadLink(l.Sys(), "dev/block/"+number); err != nil ||
		!strings.HasPrefix(path.Base(dir), "zd") {
		return ""
	}
	f, err := os.Open(device)
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
