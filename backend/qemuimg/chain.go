package qemuimg

import (
	"cmp"
	"fmt"
	"path/filepath"

	"poolctl/backend/fault"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/shell"
	"poolctl/backend/image"
	"poolctl/format/lazy"
	"poolctl/pooldef"
)

// maxChain is the maximum number of backing images. libvirt has the same limit.
const maxChain = 200

// below opens the backing images of an image, to the end of the chain.
func (o *opener) below(above *Image, info image.Info) (err error) {
	for n := 0; info.Backing != ""; n++ {
		if n == maxChain {
			return fmt.Errorf("the backing chain of %[2]q has more than %[1]d images", maxChain, o.seen[0].Path)
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
			"its name is not understood: %s", named.NotUnderstood,
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
			return nil, info, fmt.Errorf("the backing chain is a loop: %q occurs twice", named.Path)
		}
	}
	return o.image(named.Path, format, h)
}

// belowOf maps formats to the only format that their backing files can have.
var belowOf = map[string]string{"vmdk": "vmdk"}

// openData opens the file that a header names, which must be a regular file or a block device.
func openData(path string) (*safeopen.Handle, error) {
	h, err := safeopen.OpenUntrusted(path)
	if err == nil && !h.HasData() {
		h.Close()
		err = fmt.Errorf("%q is not a file or a block device", path)
	}
	return h, err
}

// image opens a backing image with its recorded format. A raw image ends the chain, because a guest controls
// its content.
func (o *opener) image(path, format string, h *safeopen.Handle) (*Image, image.Info, error) {
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
		return i, info, fmt.Errorf("%q is not a %s image: it looks like %s", path, format, info.Format)
	}
	if err = o.check(i, info); err == nil && info.Encryption != "" {
		i.Key, err = key(o.secrets, pooldef.SecretRef{Type: "passphrase", Usage: path})
	}
	return i, info, err
}

func (o *opener) mayRead(path string, h *safeopen.Handle) error {
	if o.known == nil {
		return fmt.Errorf("%q is not in a known pool", path)
	}
	return o.known(path, h)
}

// remote returns a Ceph image with the name in a header. Names with options are refused, because a guest may
// have written them.
func (o *opener) remote(name string) (*Image, error) {
	if !plainRBD().MatchString(name) {
		return nil, fmt.Errorf("%q is not a file of this machine", name)
	}
	if err := o.mayRead(name, nil); err != nil {
		return nil, err
	}
	return &Image{Path: name, Format: "raw", isRemote: true}, nil
}

var plainRBD = lazy.Regexp(`^rbd:[^:@/\\]+(/[^:@/\\]+)+$`)

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

// Kind implements [fault.Error].
func (*UnrecordedFormatError) Kind() fault.Kind { return fault.Failed }

// HintLine implements [fault.Hinter].
func (e *UnrecordedFormatError) HintLine() string {
	return "record it, when you know what it is: " + RecordFormat(e.Path, "FORMAT", e.Overlay)
}

// RecordFormat returns the shell command that records the format of a backing file in an overlay.
func RecordFormat(path, format, overlay string) string {
	return fmt.Sprintf("qemu-img rebase -u -b %s -F %s %s", shell.Quote(path), format, shell.Quote(overlay))
}
