package filevol

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"poolctl/backend/image"
	"poolctl/pooldef"
)

// inspect looks at one volume: its inode, and the header of its image. It returns nil for what is not there or is no volume.
// What cannot be read has its reason in Err.
func inspect(p *pooldef.Pool, name string) *pooldef.Volume {
	v := newVolume(p, name)
	info, err := os.Stat(v.Target.Path)
	switch {
	case err == nil && !isVolumeMode(info.Mode()):
		return nil
	case err != nil && isGone(err):
		return nil
	case err != nil:
		v.Err = err
		return v
	}
	v.Target.Permissions, v.Target.Times = permissions(info), timestamps(info)
	if info.IsDir() {
		inspectDir(v)
		return v
	}
	v.Type = "file"
	v.Allocation, v.Physical = pooldef.Bytes(uint64(stat(info).Blocks)*512), pooldef.Bytes(uint64(info.Size()))
	if err := probe(v, info); err != nil {
		if isGone(err) {
			return nil
		}
		v.Err = err
	}
	return v
}

// isGone tells whether an error means that there is no such file, if only because a link leads nowhere or in a circle.
func isGone(err error) bool {
	for _, gone := range []error{fs.ErrNotExist, unix.ELOOP, unix.ENOTDIR} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}

// inspectDir fills in a directory volume. One that holds a ploop image is told by the two files that every one has.
func inspectDir(v *pooldef.Volume) {
	v.Type, v.Target.Format = "dir", "dir"
	v.Capacity, v.Allocation, v.Physical = pooldef.Bytes(0), pooldef.Bytes(0), pooldef.Bytes(0)
	root, err := os.Stat(filepath.Join(v.Target.Path, "root.hds"))
	if err != nil || !root.Mode().IsRegular() {
		return
	}
	if _, err := os.Stat(filepath.Join(v.Target.Path, "DiskDescriptor.xml")); err != nil {
		return
	}
	v.Type, v.Target.Format = "ploop", "ploop"
	inner := &pooldef.Volume{Target: pooldef.VolumeTarget{Path: filepath.Join(v.Target.Path, "root.hds")}}
	v.Err = probe(inner, root)
	v.Capacity, v.Physical = inner.Capacity, pooldef.Bytes(uint64(root.Size()))
	v.Allocation = pooldef.Bytes(uint64(stat(root).Blocks) * 512)
}

// probe reads the image's header.
func probe(v *pooldef.Volume, info fs.FileInfo) error {
	// Non-blocking: the name may have become a FIFO since it was looked at.
	fd, err := unix.Open(v.Target.Path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: v.Target.Path, Err: err}
	}
	defer unix.Close(fd)
	size := info.Size()
	if info.Mode()&fs.ModeDevice != 0 {
		if size, err = unix.Seek(fd, 0, io.SeekEnd); err != nil {
			return &fs.PathError{Op: "seek", Path: v.Target.Path, Err: err}
		}
		v.Allocation, v.Physical = pooldef.Bytes(uint64(size)), pooldef.Bytes(uint64(size))
	}
	found, err := image.Probe(fdReader(fd), size)
	if err != nil {
		return &fs.PathError{Op: "read", Path: v.Target.Path, Err: err}
	}
	describe(v, found)
	return nil
}

// describe fills in what an image's header says.
func describe(v *pooldef.Volume, found image.Info) {
	t := &v.Target
	v.Capacity = pooldef.Bytes(found.Capacity)
	t.Format, t.ClusterSize = found.Format, found.ClusterSize
	t.LazyRefcounts, t.ExtendedL2 = found.LazyRefcounts, found.ExtendedL2
	if found.Compat != "" && found.Compat != "0.10" { // libvirt prints compat and features only for those that can have features
		t.Compat, t.Features = found.Compat, true
	}
	if found.Encryption != "" {
		t.Encryption = &pooldef.Encryption{Format: found.Encryption}
	}
	if found.Backing != "" {
		reference := image.ParseReference(found.Backing, filepath.Dir(t.Path))
		v.Backing = &pooldef.VolumeTarget{Path: reference.Path, Format: found.BackingFormat}
		if !reference.Local && v.Backing.Format == "" {
			v.Backing.Format = "raw"
		}
	}
}

// complete adds what a listing does not need: the time of birth, the security label, and how the backing file is.
func complete(v *pooldef.Volume) {
	v.Target.Permissions.Label = label(v.Target.Path)
	v.Target.Times.Birth = birth(v.Target.Path)
	if v.Backing == nil || !strings.HasPrefix(v.Backing.Path, "/") {
		return
	}
	info, err := os.Stat(v.Backing.Path)
	if err != nil || !isVolumeMode(info.Mode()) {
		return
	}
	v.Backing.Permissions, v.Backing.Times = permissions(info), timestamps(info)
	v.Backing.Times.Birth = birth(v.Backing.Path)
	if v.Backing.Format == "" && info.Mode().IsRegular() {
		backing := &pooldef.Volume{Target: pooldef.VolumeTarget{Path: v.Backing.Path}}
		_ = probe(backing, info) // what cannot be read stays without a format
		v.Backing.Format = backing.Target.Format
	}
}

func stat(info fs.FileInfo) *syscall.Stat_t { return info.Sys().(*syscall.Stat_t) }

func permissions(info fs.FileInfo) pooldef.Permissions {
	mode, s := uint32(info.Mode().Perm()), stat(info)
	return pooldef.Permissions{Mode: &mode, Owner: &s.Uid, Group: &s.Gid}
}

func timestamps(info fs.FileInfo) *pooldef.Timestamps {
	s := stat(info)
	return &pooldef.Timestamps{Access: time.Unix(s.Atim.Unix()), Modify: time.Unix(s.Mtim.Unix()), Change: time.Unix(s.Ctim.Unix())}
}

// birth returns when a file was made, if its file system knows (statx(2)).
func birth(path string) time.Time {
	var s unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_BTIME, &s); err != nil || s.Mask&unix.STATX_BTIME == 0 {
		return time.Time{}
	}
	return time.Unix(s.Btime.Sec, int64(s.Btime.Nsec))
}

// label returns the SELinux label of a file, if it has one.
func label(path string) string {
	buffer := make([]byte, 1024)
	n, err := unix.Getxattr(path, "security.selinux", buffer)
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(buffer[:n]), "\x00")
}

// fdReader reads a file descriptor. An os.File would register it with the runtime's poller first, once for each image.
type fdReader int

// ReadAt implements io.ReaderAt.
func (r fdReader) ReadAt(b []byte, offset int64) (int, error) {
	done := 0
	for done < len(b) {
		n, err := unix.Pread(int(r), b[done:], offset+int64(done))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return done, err
		case n == 0:
			return done, io.EOF
		}
		done += n
	}
	return done, nil
}
