package filevol

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/image"
	"poolctl/pooldef"
)

// createImage makes an image by qemu-img(1).
func (f Files) createImage(ctx context.Context, p *pooldef.Pool, d *pooldef.Volume, o backend.CreateOptions) error {
	if err := checkImage(d, o); err != nil {
		return err
	}
	backing, err := resolveBacking(p, d)
	if err != nil {
		return err
	}
	size := d.Capacity.Bytes
	if !d.Capacity.Known {
		size = backing.capacity
	}
	args := []string{"create", "-q", "-f", qemuFormat(d.Target.Format)}
	if backing.path != "" { // -u: what there is to check has been checked, and relative to where the image will be
		args = append(args, "-u", "-b", backing.path)
	}
	if options := imageOptions(d, o, backing.format); options != "" {
		args = append(args, "-o", options)
	}
	args = append(args, "./"+d.Name, strconv.FormatUint(size, 10))
	return f.staged(ctx, p, d.Name, func(path string) error {
		steps := []host.Step{host.Command{Name: "qemu-img", Args: args, Dir: filepath.Dir(path)}, host.Sync{Path: path}}
		if uid, gid := owner(d.Target.Permissions); uid >= 0 || gid >= 0 {
			steps = append(steps, host.Chown{Path: path, UID: uid, GID: gid})
		}
		steps = append(steps, host.Chmod{Path: path, Mode: modeOr(d.Target.Permissions, 0o600)})
		for _, s := range steps {
			if err := f.Host.Change(ctx, s); err != nil {
				return err
			}
		}
		return nil
	})
}

// qemuFormat is qemu-img's word for a format: an ISO image is to it a raw file.
func qemuFormat(format string) string {
	if format == "iso" {
		return "raw"
	}
	return format
}

// checkImage refuses what a format cannot have, before qemu-img is asked.
func checkImage(d *pooldef.Volume, o backend.CreateOptions) error {
	var problems pooldef.Problems
	refuse := func(unwanted bool, element, text string, args ...any) {
		if unwanted {
			problems = append(problems, pooldef.Problem{Element: element, Text: fmt.Sprintf(text, args...)})
		}
	}
	qcow2, old := d.Target.Format == "qcow2", d.Target.Compat == "0.10"
	refuse(!qcow2 && d.Target.Compat != "", "target/compat", "only qcow2 has a compatibility level, not %s", d.Target.Format)
	refuse(!qcow2 && d.Target.Features, "target/features", "only qcow2 has features, not %s", d.Target.Format)
	refuse(!qcow2 && o.Preallocation == "metadata", "", "only qcow2 has metadata to preallocate, not %s", d.Target.Format)
	refuse(d.Target.Compat != "" && !old && d.Target.Compat != "1.1", "target/compat", "qcow2 has the levels 0.10 and 1.1, not %s", d.Target.Compat)
	refuse(old && d.Target.LazyRefcounts, "target/features", "lazy_refcounts needs compat 1.1")
	refuse(old && d.Target.ExtendedL2, "target/features", "extended_l2 needs compat 1.1")
	refuse(d.Backing != nil && o.Preallocation == "metadata", "backingStore", "an image with a backing store cannot have its metadata preallocated")
	refuse(!d.Capacity.Known && d.Backing == nil, "capacity", "missing")
	if problems != nil {
		return problems
	}
	return nil
}

// imageOptions returns what follows -o, in libvirt's order. qcow2 gets compat 1.1 unless the definition says otherwise.
func imageOptions(d *pooldef.Volume, o backend.CreateOptions, backingFormat string) string {
	var options []string
	add := func(wanted bool, name, value string) {
		if wanted {
			options = append(options, name+"="+strings.ReplaceAll(value, ",", ",,"))
		}
	}
	t := d.Target
	add(backingFormat != "", "backing_fmt", backingFormat)
	add(o.Preallocation != "" && o.Preallocation != "off", "preallocation", o.Preallocation)
	add(t.NoCOW, "nocow", "on")
	add(t.Compat != "", "compat", t.Compat)
	add(t.Compat == "" && t.Format == "qcow2", "compat", "1.1")
	add(t.ClusterSize > 0, "cluster_size", strconv.FormatUint(t.ClusterSize, 10))
	add(t.LazyRefcounts, "lazy_refcounts", "on")
	add(t.ExtendedL2, "extended_l2", "on")
	return strings.Join(options, ",")
}

// A backingFile is what a new image is to be an overlay of.
type backingFile struct {
	path     string // as the new image's header will name it
	format   string
	capacity uint64
}

// resolveBacking finds the backing file, which has to be there and readable. Its format is taken on trust if it is given. If
// not, it may only be raw, and look raw: guessing from a header that a guest can write would be dangerous.
func resolveBacking(p *pooldef.Pool, d *pooldef.Volume) (backingFile, error) {
	if d.Backing == nil {
		return backingFile{}, nil
	}
	b := backingFile{path: d.Backing.Path, format: d.Backing.Format}
	full := b.path
	if !filepath.IsAbs(full) {
		full = filepath.Join(p.Target.Path, full)
		if first, _, _ := strings.Cut(b.path, "/"); strings.Contains(first, ":") { // qemu would take it for a protocol
			b.path = "./" + b.path
		}
	}
	found, size, err := probeBacking(full)
	if err != nil {
		return b, fmt.Errorf("the backing store %q cannot be used: %w", full, err)
	}
	b.capacity = found.Capacity
	switch {
	case b.format == "" && found.Format != "raw":
		return b, &BackingFormatError{Path: full, Looks: found.Format}
	case b.format == "":
		b.format = "raw"
	case b.format == "raw":
		b.capacity = size
	}
	return b, nil
}

// probeBacking reads the header of what has to be a file or block device.
func probeBacking(path string) (image.Info, uint64, error) {
	h, err := hold(path)
	if err != nil {
		return image.Info{}, 0, err
	}
	defer h.close()
	if !h.hasHeader() {
		return image.Info{}, 0, errors.New("it is not a file or a block device")
	}
	return h.probe()
}

// A BackingFormatError tells that the format of a backing file has to be given.
type BackingFormatError struct{ Path, Looks string }

func (e *BackingFormatError) Error() string {
	return fmt.Sprintf("the backing store %q looks like %s: its format has to be given", e.Path, e.Looks)
}
