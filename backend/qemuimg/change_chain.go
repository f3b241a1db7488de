package qemuimg

import (
	"fmt"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
	"poolctl/pooldef"
)

// OpenToChange opens a volume, held for writing, and its backing chain for reading, to change what the volume
// is based on. Open has the rules for the chain.
func OpenToChange(
	secrets backend.Secrets, v *pooldef.Volume, h *safeopen.Handle, known backend.MayRead,
) (*Image, error) {
	top, err := OpenHandle(secrets, v, h, known)
	if err == nil {
		top.write = true
	}
	return top, err
}

// OpenHeader opens a volume, held for writing, without its backing chain, to change only its header.
func OpenHeader(secrets backend.Secrets, v *pooldef.Volume, h *safeopen.Handle) (*Image, error) {
	o := opener{secrets: secrets}
	top, _, err := o.top(v, h)
	if top != nil {
		top.write = true
	}
	return top.orClose(err)
}

// CheckOverlay returns an error unless qemu-img can change what images of a format are based on.
func CheckOverlay(format string) error {
	if format == "qcow2" || format == "qed" {
		return nil
	}
	return &UnsupportedError{Text: fmt.Sprintf("qemu-img cannot change the backing file of %s images", format)}
}

// Contains reports whether an image of the chain is the same file as the top of another one.
func (i *Image) Contains(other *Image) bool {
	for ; i != nil; i = i.Backing {
		if i.held != nil && other.held != nil && i.held.IsSame(other.held) {
			return true
		}
	}
	return false
}

// Rebase returns the command that bases an image on the image onto, or on none if onto is nil, without a
// change of the data that a guest sees, even if the command is killed. The image must be written to the disk
// afterwards. qemu-img opens onto by its name, which it writes into the header, and may open only the files
// of its chain.
//
// With its default cache, qemu-img 7.2 writes the header before the tables that refer to the copied data. A
// kill in between loses the data. With writethrough, it writes the tables after each piece of data; no-flush
// spares the wait for the disk after each.
func Rebase(i, onto *Image, progress host.Progress) host.Command {
	l := newLine("rebase", "-t", "writethrough")
	l.show(progress, i.Capacity)
	node := l.node(i)
	node["cache"] = map[string]any{"no-flush": true}
	if onto == nil {
		return l.add("-b", "", jsonOf(node)).Command
	}
	l.add("-b", onto.Path, "-F", formats[onto.Format], jsonOf(node))
	for ; onto != nil; onto = onto.Backing {
		l.file(onto)
	}
	return l.Command
}

// RenameBacking returns the command that writes another backing file into an image's header. It opens no
// backing file, and changes the data that a guest sees unless the backing files have the same content.
func RenameBacking(i *Image, path, format string) host.Command {
	l := newLine("rebase", "-u", "-b", path, "-F", formats[format])
	return l.add(l.image(i)).Command
}

// Commit returns the command that writes the data of an image into its backing image, and then removes them
// from the image. The backing image grows if it is shorter.
func Commit(i *Image, progress host.Progress) host.Command {
	i.Backing.write = true
	l := newLine("commit")
	l.show(progress, i.Capacity)
	return l.add(l.image(i)).Command
}
