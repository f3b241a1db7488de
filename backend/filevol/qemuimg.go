package filevol

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// qemuFormats are qemu-img's words for the formats of images that it can make. To it, an ISO image is a raw file.
var qemuFormats = map[string]string{
	"iso": "raw", "vpc": "vpc", "vdi": "vdi", "qcow": "qcow", "qcow2": "qcow2", "qed": "qed", "vmdk": "vmdk",
}

// createImage makes an image by qemu-img(1).
func (f Files) createImage(ctx context.Context, p *pooldef.Pool, d *pooldef.Volume, o backend.CreateOptions) error {
	format, known := qemuFormats[d.Target.Format]
	if !known {
		return &backend.UnsupportedError{Type: p.Type, What: fmt.Sprintf("creating %s volumes", d.Target.Format)}
	}
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
	args := []string{"create", "-q", "-f", format}
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

// checkImage refuses what a format cannot have, before qemu-img is asked.
func checkImage(d *pooldef.Volume, o backend.CreateOptions) error {
	var problems pooldef.Problems
	refuse := func(unwanted bool, element, text string, args ...any) {
		if unwanted {
			problems = append(problems, pooldef.Problem{Element: element, Text: fmt.Sprintf(text, args...)})
		}
	}
	qcow2, old := d.Target.Format == "qcow2", d.Target.Compat == "0.10"
	room := o.Preallocation == "falloc" || o.Preallocation == "full"
	refuse(!qcow2 && d.Target.Compat != "", "target/compat", "only qcow2 has a compatibility level, not %s", d.Target.Format)
	refuse(!qcow2 && d.Target.Features, "target/features", "only qcow2 has features, not %s", d.Target.Format)
	refuse(!qcow2 && o.Preallocation == "metadata", "", "only qcow2 has metadata to preallocate, not %s", d.Target.Format)
	refuse(d.Target.Compat != "" && !old && d.Target.Compat != "1.1", "target/compat", "qcow2 has the levels 0.10 and 1.1, not %s", d.Target.Compat)
	refuse(old && d.Target.LazyRefcounts, "target/features", "lazy_refcounts needs compat 1.1")
	refuse(old && d.Target.ExtendedL2, "target/features", "extended_l2 needs compat 1.1")
	refuse(room && qemuFormats[d.Target.Format] != "raw" && !qcow2, "", "qemu-img cannot preallocate %s images", d.Target.Format)
	refuse(d.Backing != nil && (room || o.Preallocation == "metadata") && !d.Target.ExtendedL2, "backingStore",
		"an image with a backing store can be preallocated only with extended_l2")
	refuse(d.Backing != nil && d.Target.Format == "iso", "backingStore", "an ISO image cannot have a backing store")
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
