package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"poolctl/backend"
	"poolctl/backend/fault"
	"poolctl/backend/host"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// sector is the unit of disks, in bytes.
const sector = 512

// A mark is what the data of a kind of file contain at an offset.
type mark struct {
	at   int
	text string
	name string
}

// packings are the compressed formats, by the programs that unpack them: RFC 1952, xz's xz-file-format.txt,
// RFC 8878, and bzip2.
var packings = []mark{
	{0, "\x1f\x8b\x08", "gzip"}, {0, "\xfd7zXZ\x00", "xz"}, {0, "\x28\xb5\x2f\xfd", "zstd"}, {0, "BZh", "bzip2"},
}

// suffixes are the usual names of packed files. They matter only where there are no data yet.
var suffixes = map[string]string{".gz": "gzip", ".xz": "xz", ".zst": "zstd", ".bz2": "bzip2"}

// foreign are formats of files that are not disks. Without them, such a file would be a raw image.
var foreign = []mark{
	{0, "PK\x03\x04", "a zip archive"}, {257, "ustar", "a tar archive"},
	{0, "7z\xbc\xaf\x27\x1c", "a 7z archive"},
	{0, "Rar!", "a rar archive"}, {0, "\x04\x22\x4d\x18", "compressed by lz4"}, {0, "<", "a web page, or XML"},
	{0, "\x7fELF", "a program"}, {0, "-----BEGIN", "text"},
	{0, "QFI\xfb", "a qcow2 image of an unknown version"},
	{0, "KDMV", "a VMDK image of an unknown version"}, {0, "\x5d\x00\x00", "compressed by lzma"},
	{0, "LZIP", "compressed by lzip"}, {0, "\x89LZO", "compressed by lzop"},
}

// find returns the name of the first mark in data, or "".
func find(marks []mark, data []byte) string {
	for _, m := range marks {
		if m.at <= len(data) && bytes.HasPrefix(data[m.at:], []byte(m.text)) {
			return m.name
		}
	}
	return ""
}

// unpack unpacks the data if they are packed, by one program at most.
func (s Source) unpack(ctx context.Context, f *File, room uint64, progress host.Progress) error {
	head, err := f.head()
	program := find(packings, head)
	if head == nil { // a dry run
		program = suffixes[path.Ext(baseName(s.URL))]
	}
	if err != nil || program == "" {
		return err
	}
	c := host.Cmd(program, "-dc")
	if program == "xz" { // its files may ask for any amount of memory; zstd has such a limit itself
		c.Args = append(c.Args, "--memlimit-decompress=1GiB")
	}
	c.Confined = &host.Confinement{}
	f.Name += ".image"
	limit := s.MaxSize
	if limit == 0 {
		limit = min(room, freeIn(f))
	}
	err = f.host.Change(ctx,
		host.Unpack{Command: c, From: f.packed, To: f.Path(), Limit: limit, Progress: progress})
	if exit, ok := errors.AsType[*host.ExitError](err); ok {
		err = &ImageError{"it cannot be unpacked: " + exit.Stderr}
	}
	return err
}

// head returns the first bytes of the file, or none in a dry run.
func (f *File) head() ([]byte, error) {
	h, err := f.host.OpenPath(f.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer h.Close()
	fd, err := h.Open()
	if err != nil {
		return nil, err
	}
	defer fd.Close()
	head := make([]byte, 512)
	n, err := fd.ReadAt(head, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return head[:n], err
}

// Check returns an error unless the image may become a volume. v describes it.
func (s Source) Check(f *File, v *pooldef.Volume) error {
	head, err := f.head()
	if err != nil {
		return err
	}
	is := find(append(packings, foreign...), head)
	switch {
	case v.Err != nil:
		return v.Err
	case v.Type != "file":
		return &ImageError{"it is no file"}
	case v.Backing != nil:
		return &ImageError{fmt.Sprintf("it names another file (%q) as its backing file", v.Backing.Path)}
	case v.Target.ExternalData:
		return &ImageError{"its data are in other files"}
	case !qemuimg.CanCreate(v.Target.Format):
		return &ImageError{fmt.Sprintf("it is a %s image, which qemu-img cannot write", v.Target.Format)}
	case v.Target.Format == "raw" && v.Target.Encryption == nil && is != "":
		return &ImageError{"it is no disk image: it looks like " + is}
	case v.Target.Format == "raw" && v.Physical.Bytes%sector != 0 || v.Physical.Bytes == 0:
		return &ImageError{fmt.Sprintf("it is no disk image: %d bytes are no sectors", v.Physical.Bytes)}
	case s.MaxSize > 0 && v.Capacity.Bytes > s.MaxSize:
		return &host.TooLargeError{Limit: s.MaxSize}
	}
	return nil
}

// CheckCapacity returns an error if an image does not fit into a volume of a requested size.
func CheckCapacity(v *pooldef.Volume, size pooldef.Size) error {
	if size.Known && size.Bytes < v.Capacity.Bytes {
		return &backend.StateError{Text: fmt.Sprintf("the image has %d bytes, more than %d", v.Capacity.Bytes,
			size.Bytes)}
	}
	return nil
}

// An ImageError reports that downloaded data cannot become a volume.
type ImageError struct{ Text string }

func (e *ImageError) Error() string { return e.Text }

// Kind implements [fault.Error].
func (*ImageError) Kind() fault.Kind { return fault.Unsupported }
