package filevol

import (
	"context"
	"fmt"
	"path/filepath"

	"poolctl/backend/fault"
	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// maxChain is the largest number of images below a volume, the same limit as libvirt's.
const maxChain = 200

// Chain implements backend.BackingChainer. If a header records the format of its backing file, that format is
// used, whatever the backing file looks like: a raw image ends the chain, because a guest can write its
// header. If no format is recorded, the probed format is shown, but the chain is not followed further. This
// is libvirt's rule.
func (f Files) Chain(ctx context.Context, p *pooldef.Pool, name string) ([]*pooldef.Volume, error) {
	dir, v, err := f.open(ctx, p, name) // Volume would guess the format
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	if v.Err != nil {
		return nil, v.Err
	}
	seen := inodes{}
	if err := seen.add(dir, name); err != nil {
		return nil, err
	}
	chain := []*pooldef.Volume{}
	for above := v; above.Backing != nil; {
		if err := ctx.Err(); err != nil {
			return chain, err
		}
		if len(chain) == maxChain {
			return chain, fmt.Errorf("the backing chain of %[2]q has more than %[1]d images", maxChain, v.Target.Path)
		}
		below, err := seen.follow(above)
		chain = append(chain, below)
		if err != nil {
			return chain, fmt.Errorf("the backing file of %q: %w", above.Target.Path, err)
		}
		above = below
	}
	return chain, nil
}

// inodes is the set of images in a chain that were visited.
type inodes map[inode]bool

type inode struct{ device, number uint64 }

func (s inodes) add(dir *host.Dir, name string) error {
	h, err := dir.OpenPath(name)
	if err == nil {
		defer h.Close()
		s[inode{h.Dev, h.Ino}] = true
	}
	return err
}

// follow returns the backing file of an image.
func (s inodes) follow(above *pooldef.Volume) (*pooldef.Volume, error) {
	named := above.Backing
	v := &pooldef.Volume{Type: "network",
		Target: pooldef.VolumeTarget{Path: named.Path, Format: named.Format}}
	if !filepath.IsAbs(named.Path) {
		return v, nil
	}
	v.Type = "file"
	h, err := safeopen.OpenUntrusted(named.Path)
	if err != nil {
		return v, err
	}
	defer h.Close()
	is := inode{h.Dev, h.Ino}
	switch {
	case s[is]:
		return v, fmt.Errorf("the backing chain is a loop: %q occurs twice", named.Path)
	case h.IsDir(): // qemu presents a directory as a FAT disk
		v.Type = "dir"
		return v, nil
	case !h.HasData():
		return v, fmt.Errorf("%q is not a file or a block device", named.Path)
	}
	s[is] = true
	return v, inspectBacking(v, h, above.Target.Path)
}

// inspectBacking completes a volume with the details of a backing file. above is the path of its overlay.
func inspectBacking(v *pooldef.Volume, h *safeopen.Handle, above string) error {
	t := &v.Target
	found := &pooldef.Volume{Target: pooldef.VolumeTarget{Path: t.Path}}
	err := inspectFile(found, h)
	v.Allocation, v.Physical = found.Allocation, found.Physical
	t.Permissions, t.Times = found.Target.Permissions, found.Target.Times
	t.Times.Birth = h.Birth()
	switch looks := found.Target.Format; {
	case err != nil:
		return err
	case t.Format == "raw" || t.Format == "iso":
		v.Capacity = found.Physical
	case t.Format == "":
		t.Format, v.Capacity = looks, found.Capacity
		if found.Backing != nil {
			return &GuessedFormatError{Path: t.Path, Looks: looks, Overlay: above}
		}
	case t.Format != looks:
		return fmt.Errorf("%q is not a %s image: it looks like %s", t.Path, t.Format, looks)
	default:
		v.Capacity, v.Backing = found.Capacity, found.Backing
	}
	return nil
}

// A GuessedFormatError reports that a chain is not followed further, because the overlay does not record the
// format of its backing file.
type GuessedFormatError struct{ Path, Looks, Overlay string }

func (e *GuessedFormatError) Error() string {
	return fmt.Sprintf("the format of %q is not recorded, only guessed to be %s: "+
		"its backing file is not followed", e.Path, e.Looks)
}

// Kind implements [fault.Error].
func (*GuessedFormatError) Kind() fault.Kind { return fault.Failed }

// HintLine implements [fault.Hinter].
func (e *GuessedFormatError) HintLine() string {
	return "if that is right: " + qemuimg.RecordFormat(e.Path, e.Looks, e.Overlay)
}
