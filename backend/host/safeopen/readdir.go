package safeopen

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
)

// A DirEntry is a name in a directory, and the type of the file at the time of the listing.
type DirEntry struct {
	Name string
	Type fs.FileMode // the type bits
}

// The sizes of reads of a directory, in bytes: of the first, in which most directories fit, and of others.
// Package os reads 8 KiB at a time, which takes eight times as many system calls.
const (
	firstDirents = 4 << 10
	moreDirents  = 64 << 10
)

// ReadDir returns all names in a directory, in no order, except . and .., with the types of the files. It
// does not follow symbolic links. Names that share a read share memory.
func ReadDir(dir FD) ([]DirEntry, error) {
	var all []DirEntry
	buffer := make([]byte, firstDirents)
	for {
		n, err := retry.ReadDirent(int(dir), buffer)
		if err != nil || n == 0 {
			return all, err
		}
		if count := countDirents(buffer[:n]); cap(all)-len(all) < count { // append would copy more often
			all = slices.Grow(all, max(count, len(all)))
		}
		if all, err = appendDirents(all, dir, buffer[:n]); err != nil {
			return all, err
		}
		if n > firstDirents/2 && len(buffer) == firstDirents {
			buffer = make([]byte, moreDirents)
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

// countDirents returns the number of records of getdents64(2).
func countDirents(records []byte) (count int) {
	for len(records) > direntName {
		length := int(binary.NativeEndian.Uint16(records[direntLength:]))
		records = records[min(max(length, 1), len(records)):]
		count++
	}
	return count
}

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
	return fileMode(kind), nil
}

// fileMode returns the type bits for a file type of getdents64(2).
func fileMode(kind byte) fs.FileMode {
	switch kind {
	case unix.DT_REG:
		return 0
	case unix.DT_DIR:
		return fs.ModeDir
	case unix.DT_LNK:
		return fs.ModeSymlink
	case unix.DT_BLK:
		return fs.ModeDevice
	case unix.DT_CHR:
		return fs.ModeDevice | fs.ModeCharDevice
	case unix.DT_FIFO:
		return fs.ModeNamedPipe
	case unix.DT_SOCK:
		return fs.ModeSocket
	}
	return fs.ModeIrregular
}
