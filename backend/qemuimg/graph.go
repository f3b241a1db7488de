package qemuimg

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/image"
	"poolctl/pooldef"
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
	Backing  *Image // the backing image; nil: none, or none that is needed

	file     *os.File     // pinned; nil: opened by Path
	held     *host.Handle // the same file, for inspection
	isDevice bool
	isRemote bool // Path names a Ceph image
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
		if now, err := i.file.Stat(); err != nil || now.Mode().IsRegular() && now.Size() < i.held.Size {
			return cmp.Or(err, fmt.Errorf("%q has become shorter while it was read", i.Path))
		}
	}
	return nil
}

// Open opens a volume and its backing chain for reading. It opens each image once, and reads headers from the
// open files. known decides for each backing image whether it may be read. The caller must call Close.
//
// Open refuses a volume with data in files that only its header names, and a backing image whose format the
// overlay does not record. Otherwise whoever can write to the volume, such as a guest, could name any file of
// this machine, or have a file interpreted in any format.
func Open(secrets backend.Secrets, v *pooldef.Volume, known backend.Known) (*Image, error) {
	h, err := host.OpenPath(v.Target.Path)
	if err != nil {
		return nil, err
	}
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
	secrets backend.Secrets, v *pooldef.Volume, h *host.Handle, size uint64, known backend.Known,
) (*Image, error) {
	o := opener{secrets: secrets, known: known}
	top, info, err := o.top(v, h)
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

// orClose returns the image if err is nil, and closes the image otherwise.
func (i *Image) orClose(err error) (*Image, error) {
	if err != nil {
		i.Close()
		return nil, err
	}
	return i, nil
}

// An opener opens the images of a chain.
type opener struct {
	secrets backend.Secrets
	known   backend.Known
	seen    []*host.Handle
}

// top opens a volume, which must match its description.
func (o *opener) top(v *pooldef.Volume, h *host.Handle) (*Image, image.Info, error) {
	i, info, err := o.open(v.Target.Path, h)
	if err != nil {
		return i, info, err
	}
	i.Format = cmp.Or(v.Target.Format, "raw")
	if v.Type == "block" { // the pool's format is a partition type, and the content can look like any format
		i.Format, info = "raw", image.Info{Capacity: v.Capacity.Bytes, Encryption: encryptionOf(v)}
	}
	if info.Format != "" && info.Format != i.Format || info.Encryption != encryptionOf(v) {
		return i, info, fmt.Errorf("%q is no longer what it was a moment ago", i.Path)
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
func (o *opener) open(path string, h *host.Handle) (*Image, image.Info, error) {
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
func probe(f *os.File, h *host.Handle) (image.Info, error) {
	fd, err := host.OpenPinned(f)
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
		return fmt.Errorf("%q is a %s image, which qemu-img cannot write", i.Path, i.Format)
	case info.Encryption != "" && info.Encryption != "luks":
		return fmt.Errorf("%q is encrypted by %s, which poolctl cannot open", i.Path, info.Encryption)
	}
	return nil
}

// maxChain is the maximum number of backing images. libvirt has the same limit.
const maxChain = 200

// below opens the backing images of an image, to the end of the chain.
func (o *opener) below(above *Image, info image.Info) (err error) {
	for n := 0; info.Backing != ""; n++ {
		if n == maxChain {
			return fmt.Errorf("there are more than %d images below %q", maxChain, o.seen[0].Path)
		}
		var next *Image
		next, info, err = o.follow(above, info)
		if above.Backing = next; err != nil {
			return fmt.Errorf("the backing file of %q: %w", above.Path, err)
		}
		above = next
	}
	return nil
}

// reference parses an image's reference to its backing file.
func reference(above *Image, info image.Info) image.Reference {
	dir, _ := filepath.Split(above.Path) // Dir would remove a symbolic link followed by ..
	return image.ParseReference(info.Backing, dir)
}

// follow opens the backing file of an image.
func (o *opener) follow(above *Image, info image.Info) (*Image, image.Info, error) {
	named, format := reference(above, info), cmp.Or(info.BackingFormat, belowOf[above.Format])
	switch {
	case named.NotUnderstood != "":
		return nil, info, fmt.Errorf(
			"it is named in a way that poolctl does not understand: %s", named.NotUnderstood,
		)
	case !named.Local:
		i, err := o.remote(named.Path)
		return i, image.Info{}, err
	case format == "":
		return nil, info, &UnrecordedFormatError{Path: named.Path, Overlay: above.Path}
	}
	h, err := openData(named.Path)
	if err != nil {
		return nil, info, err
	}
	for _, one := range o.seen {
		if one.IsSame(h) {
			h.Close()
			return nil, info, fmt.Errorf("the chain is a loop: %q is above it already", named.Path)
		}
	}
	return o.image(named.Path, format, h)
}

// belowOf maps formats to the only format that their backing files can have.
var belowOf = map[string]string{"vmdk": "vmdk"}

// openData opens the file that a header names, which must be a regular file or a block device.
func openData(path string) (*host.Handle, error) {
	h, err := host.OpenUntrusted(path)
	if err == nil && !h.HasData() {
		h.Close()
		err = fmt.Errorf("%q is not a file or a block device", path)
	}
	return h, err
}

// image opens a backing image with its recorded format. A raw image ends the chain, because a guest controls
// its content.
func (o *opener) image(path, format string, h *host.Handle) (*Image, image.Info, error) {
	i, info, err := o.open(path, h)
	if err == nil {
		err = o.mayRead(path, h)
	}
	if err != nil {
		return i, info, err
	}
	i.Capacity, i.Format = info.Capacity, format
	switch {
	case IsRaw(format):
		i.Capacity = uint64(h.Size)
		return i, image.Info{}, nil
	case format != info.Format:
		return i, info, fmt.Errorf("%q is no %s image: it looks like %s", path, format, info.Format)
	}
	if err = o.check(i, info); err == nil && info.Encryption != "" {
		i.Key, err = key(o.secrets, pooldef.SecretRef{Type: "passphrase", Usage: path})
	}
	return i, info, err
}

func (o *opener) mayRead(path string, h *host.Handle) error {
	if o.known == nil {
		return fmt.Errorf("%q is in no pool that is known", path)
	}
	return o.known(path, h)
}

// remote returns a Ceph image with the name in a header. Names with options are refused, because a guest may
// have written them.
func (o *opener) remote(name string) (*Image, error) {
	if !plainRBD.MatchString(name) {
		return nil, fmt.Errorf("%q is none of this machine's files", name)
	}
	if err := o.mayRead(name, nil); err != nil {
		return nil, err
	}
	return &Image{Path: name, Format: "raw", isRemote: true}, nil
}

var plainRBD = regexp.MustCompile(`^rbd:[^:@/\\]+(/[^:@/\\]+)+$`)

// lengthBelow returns the length of an image's backing image, according to its header.
func lengthBelow(above *Image, info image.Info) (uint64, error) {
	named := reference(above, info)
	if !named.Local {
		return 1<<63 - 1, nil
	}
	h, err := openData(named.Path)
	if err != nil {
		return 0, err
	}
	defer h.Close()
	f, err := h.Pin()
	if err != nil {
		return 0, err
	}
	defer f.Close()
	below, err := probe(f, h)
	if IsRaw(info.BackingFormat) || info.BackingFormat == "" {
		return max(below.Capacity, uint64(h.Size)), err
	}
	return below.Capacity, err
}

// An UnrecordedFormatError means that a backing image is not read because the overlay does not record its
// format. A guest could make a raw image look like any other format.
type UnrecordedFormatError struct{ Path, Overlay string }

func (e *UnrecordedFormatError) Error() string {
	return fmt.Sprintf("the format of %q is not recorded", e.Path)
}
