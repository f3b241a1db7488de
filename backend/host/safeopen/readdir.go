package safeopen

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
)

// A DirEntry is a name in a directory, and the type of the file at the time of the listing.
type DirEntry struct {
	Name string
	Type fs.FileMode // the type bits
}

// direntBuffer is the size of a read of a directory, in bytes. Package os reads 8 KiB at a time, which takes
// eight times as many system calls.
const direntBuffer = 64 << 10

// ReadDir returns all names in a directory, in no order, except . and .., with the types of the files. It
// does not follow symbolic links. Names that share a read share memory.
func ReadDir(dir FD) ([]DirEntry, error) {
	var all []DirEntry
	buffer := make([]byte, direntBuffer)
	for {
		n, err := retry.ReadDirent(int(dir), buffer)
		if err != nil || n == 0 {
			return all, err
		}
		if all, err = appendDirents(all, dir, buffer[:n]); err != nil {
			return all, err
		}
	}
}

// The layout of a record of getdents64(2): an inode number, an offset, the length of the record, the type,
// and the name with a NUL.
const (
	direntLength = 8 + 8
	direntType   = direntLength + 2
	direntName   = direntType + 1
)

// appendDirents appends the entries in records of getdents64(2).
func appendDirents(all []DirEntry, dir FD, records []byte) ([]DirEntry, error) {
	text := string(records) // all names in one allocation
	for at := 0; at < len(records); {
		left := records[at:]
		if len(left) < direntName {
			return all, unix.EIO
		}
		length := int(binary.NativeEndian.Uint16(left[direntLength:]))
		if length < direntName || length > len(left) {
			return all, unix.EIO
		}
		end := bytes.IndexByte(left[direntName:length], 0)
		if end < 0 {
			return all, unix.EIO
		}
		name := text[at+direntName:][:end]
		at += length
		if name == "." || name == ".." || binary.NativeEndian.Uint64(left) == 0 { // a removed name has no inode
			continue
		}
		mode, err := typeOf(dir, name, left[direntType])
		if errors.Is(err, fs.ErrNotExist) { // removed since
			continue
		}
		if err != nil {
			return all, err
		}
		all = append(all, DirEntry{name, mode})
	}
	return all, nil
}

// types are the file types of getdents64(2).
var types = map[byte]fs.FileMode{
	unix.DT_REG: 0, unix.DT_DIR: fs.ModeDir, unix.DT_LNK: fs.ModeSymlink, unix.DT_BLK: fs.ModeDevice,
	unix.DT_CHR: fs.ModeDevice | fs.ModeCharDevice, unix.DT_FIFO: fs.ModeNamedPipe, unix.DT_SOCK: fs.ModeSocket,
}

// typeOf returns the type of a name in a directory, which is kind unless the file system has not reported it.
func typeOf(dir FD, name string, kind byte) (fs.FileMode, error) {
	if kind == unix.DT_UNKNOWN {
		var st unix.Stat_t
		err := retry.Fstatat(int(dir), name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err != nil {
			return 0, PathError("lstat", strings.Clone(name), err)
		}
		kind = byte(st.Mode & unix.S_IFMT >> 12) // dirent.h, IFTODT
	}
	if mode, known := types[kind]; known {
		return mode, nil
	}
	return fs.ModeIrregular, nil
}
