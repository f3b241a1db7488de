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
	"poolctl/fault"
	"poolctl/pooldef"
)

// An Image is an image as qemu-img is told of it: what it is, and what to open for it. qemu-img looks for nothing by itself.
type Image struct {
	Path     string // as people know it; of a backing file, as the header will name it
	At       string // where such a backing file is
	Format   string // libvirt's word
	Capacity uint64 // bytes that a guest sees; not of one that is made
	Key      *Key   // of an encrypted image
	InUse    bool   // others may be writing to it while it is read
	Blank    bool   // it is new and reads as zeros, which are not written into it
	Backing  *Image // what it is based on; nil: nothing, or nothing that is needed

	file     *os.File     // pinned; nil: it is opened by Path
	held     *host.Handle // the same, to look at
	isDevice bool
	isRemote bool // Path names an image of Ceph's
	write    bool
}

// Close lets go of an image and of what it is based on.
func (i *Image) Close() {
	for ; i != nil; i = i.Backing {
		if i.file != nil {
			i.file.Close()
			i.held.Close()
		}
	}
}

// Whole returns an error if a file has become shorter since the image was opened. qemu-img says nothing of that: behind the end of a
// file it reads zeros.
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

// Open opens a volume, and what its image is based on, for reading: each once, and what is believed of it is read of what is open.
// known says of each image below whether it may be read. Close ends it.
//
// A volume that keeps data in files that only its header names is refused, and an image below whose format the one above does not
// record: whoever may write to the volume, a guest too, could name any file of this machine, or have it mean one.
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
	return top.or(err)
}

// OpenToResize opens a volume that is held for writing, to give it a size. What it is based on is opened where that is needed: if it
// is longer than the volume, it must not be seen in what the volume gets.
func OpenToResize(secrets backend.Secrets, v *pooldef.Volume, h *host.Handle, size uint64, known backend.Known) (*Image, error) {
	o := opener{secrets: secrets, known: known}
	top, info, err := o.top(v, h)
	if err != nil {
		return top.or(err)
	}
	top.write = true
	if info.Backing == "" || size <= top.Capacity {
		return top, nil
	}
	length, err := lengthBelow(top, info)
	if err == nil && length > top.Capacity {
		err = o.below(top, info)
	}
	return top.or(err)
}

// or returns the image if there is no error, and closes it otherwise.
func (i *Image) or(err error) (*Image, error) {
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

// top opens a volume, which has to be what it was described as.
func (o *opener) top(v *pooldef.Volume, h *host.Handle) (*Image, image.Info, error) {
	i, info, err := o.open(v.Target.Path, h)
	if err != nil {
		return i, info, err
	}
	i.Format = cmp.Or(v.Target.Format, "raw")
	if v.Type == "block" { // its pool's word is what a partition is for, and what is on it may look like anything
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

// open pins what is held, which it takes over, and reads its header.
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

// probe reads the header of what is pinned.
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

// check refuses what qemu-img cannot read, or must not.
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

// maxChain is how many images there may be below one. libvirt gives up there, too.
const maxChain = 200

// below opens what an image is based on, to the end of the chain.
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

// reference is what an image names as its backing file.
func reference(above *Image, info image.Info) image.Reference {
	dir, _ := filepath.Split(above.Path) // Dir would take a link and .. off the path
	return image.ParseReference(info.Backing, dir)
}

// follow opens the image that the one above names.
func (o *opener) follow(above *Image, info image.Info) (*Image, image.Info, error) {
	named, format := reference(above, info), cmp.Or(info.BackingFormat, belowOf[above.Format])
	switch {
	case named.NotUnderstood != "":
		return nil, info, fmt.Errorf("it is named in a way that poolctl does not understand: %s", named.NotUnderstood)
	case !named.Local:
		i, err := o.remote(named.Path)
		return i, image.Info{}, err
	case format == "":
		return nil, info, &UnrecordedFormatError{Path: named.Path, Overlay: above.Path}
	}
	h, err := holdData(named.Path)
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

// belowOf are the formats of what is below images of formats that take no other.
var belowOf = map[string]string{"vmdk": "vmdk"}

// holdData looks at what a header names, which has to be a file or a block device.
func holdData(path string) (*host.Handle, error) {
	h, err := host.OpenUntrusted(path)
	if err == nil && !h.HasData() {
		h.Close()
		err = fmt.Errorf("%q is not a file or a block device", path)
	}
	return h, err
}

// image opens an image of a format that is recorded for it. A raw one ends the chain, as its header is a guest's.
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

// remote is an image of Ceph's, by what stands for it in a header: options there would be a guest's, and are refused.
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

// lengthBelow tells how long the image is that another names, as far as its header says.
func lengthBelow(above *Image, info image.Info) (uint64, error) {
	named := reference(above, info)
	if !named.Local {
		return 1<<63 - 1, nil
	}
	h, err := holdData(named.Path)
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

// An UnrecordedFormatError tells that an image is not read, as the one above it does not record its format: a guest could make a raw one
// look like any other.
type UnrecordedFormatError struct{ Path, Overlay string }

func (e *UnrecordedFormatError) Error() string {
	return fmt.Sprintf("the format of %q is not recorded", e.Path)
}

// Kind implements [fault.Error].
func (*UnrecordedFormatError) Kind() fault.Kind { return fault.Failed }

// HintLine implements [fault.Hinter].
func (e *UnrecordedFormatError) HintLine() string {
	return "record it, once you know what it is: " + RecordFormat(e.Path, "FORMAT", e.Overlay)
}

// RecordFormat returns the shell command that records the format of a backing file in an overlay.
func RecordFormat(path, format, overlay string) string {
	return fmt.Sprintf("qemu-img rebase -u -b %s -F %s %s", host.Quote(path), format, host.Quote(overlay))
}
