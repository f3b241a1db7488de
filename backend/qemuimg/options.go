package qemuimg

import (
	"fmt"
	"strconv"

	"poolctl/pooldef"
)

// Check returns an error if a definition requests properties that its format does not support. needsSize
// means that only the definition can determine the capacity.
func Check(d *pooldef.Volume, preallocation string, needsSize bool) error {
	if e := d.Target.Encryption; e != nil && e.Format != "luks" {
		return &UnsupportedError{Text: fmt.Sprintf("volumes can be encrypted by luks, not by %s", e.Format)}
	}
	var problems pooldef.Problems
	refuse := func(unwanted bool, element, text string, args ...any) {
		if unwanted {
			problems = append(problems, pooldef.Problem{Element: element, Text: fmt.Sprintf(text, args...)})
		}
	}
	qcow2, old := d.Target.Format == "qcow2", d.Target.Compat == "0.10"
	room := preallocation == "falloc" || preallocation == "full"
	refuse(
		!qcow2 && d.Target.Compat != "", "target/compat", "only qcow2 has a compatibility level, not %s",
		d.Target.Format,
	)
	refuse(!qcow2 && d.Target.Features, "target/features", "only qcow2 has features, not %s", d.Target.Format)
	refuse(
		!qcow2 && preallocation == "metadata", "", "only qcow2 has metadata to preallocate, not %s",
		d.Target.Format,
	)
	refuse(
		d.Target.Compat != "" && !old && d.Target.Compat != "1.1", "target/compat",
		"qcow2 has the levels 0.10 and 1.1, not %s", d.Target.Compat,
	)
	refuse(old && d.Target.LazyRefcounts, "target/features", "lazy_refcounts needs compat 1.1")
	refuse(old && d.Target.ExtendedL2, "target/features", "extended_l2 needs compat 1.1")
	refuse(
		room && !IsRaw(d.Target.Format) && !qcow2, "", "qemu-img cannot preallocate %s images", d.Target.Format,
	)
	refuse(d.Backing != nil && (room || preallocation == "metadata") && !d.Target.ExtendedL2, "backingStore",
		"an image with a backing store can be preallocated only with extended_l2")
	refuse(
		d.Backing != nil && IsRaw(d.Target.Format), "backingStore", "a %s image cannot have a backing store",
		d.Target.Format,
	)
	cluster := d.Target.ClusterSize
	refuse(
		qcow2 && cluster != 0 && (cluster < 512 || cluster > 2<<20 || cluster&(cluster-1) != 0),
		"target/clusterSize", "the clusters of qcow2 images have a power of two from 512 to 2097152 bytes, not %d",
		cluster,
	)
	refuse(!d.Capacity.Known && needsSize, "capacity", "missing")
	problems = append(problems, checkEncryption(d)...)
	if problems != nil {
		return problems
	}
	return nil
}

// CheckCompress returns an error if qemu-img cannot compress the data of an image.
func CheckCompress(d *pooldef.Volume) error {
	switch {
	case d.Target.Format != "qcow2" && d.Target.Format != "qcow":
		return &UnsupportedError{
			Text: fmt.Sprintf("%s images cannot be compressed; qcow2 images can", d.Target.Format),
		}
	case d.Target.Encryption != nil:
		return &UnsupportedError{Text: "qemu-img cannot compress encrypted images"}
	}
	return nil
}

// checkEncryption returns problems with encryption that qemu-img does not support, or not safely.
func checkEncryption(d *pooldef.Volume) pooldef.Problems {
	e := d.Target.Encryption
	switch {
	case e == nil:
		return nil
	case d.Target.Format != "raw" && d.Target.Format != "qcow2":
		return pooldef.Problems{{
			Element: "target/encryption",
			Text:    fmt.Sprintf("raw and qcow2 images can be encrypted, %s cannot", d.Target.Format),
		}}
	case len(e.Secrets) != 1:
		return pooldef.Problems{{
			Element: "target/encryption",
			Text:    fmt.Sprintf("exactly one secret of type passphrase is needed, not %d", len(e.Secrets)),
		}}
	case e.Engine == "librbd":
		return pooldef.Problems{{Element: "target/encryption", Text: "the engine librbd is for rbd pools"}}
	}
	return nil
}

// encryption returns the encryption options of a new image, in libvirt's order, and passes its key to
// qemu-img.
func encryption(l *line, d *pooldef.Volume, image *Image) []string {
	if image.Key == nil {
		return nil
	}
	var options []string
	prefix := image.prefix()
	if prefix != "" {
		options = append(options, "encrypt.format=luks")
	}
	add := func(name, value string) {
		if value != "" {
			options = append(options, prefix+name+"="+escape(value))
		}
	}
	add("key-secret", l.secret(image.Key))
	if c := d.Target.Encryption.Cipher; c != nil {
		add("cipher-alg", fmt.Sprintf("%s-%d", c.Name, c.Bits))
		add("cipher-mode", c.Mode)
		add("hash-alg", c.Hash)
	}
	if g := d.Target.Encryption.IVGen; g != nil {
		add("ivgen-alg", g.Name)
		add("ivgen-hash-alg", g.Hash)
	}
	return options
}

// imageOptions returns the other options, in libvirt's order. The default compatibility level of qcow2 is
// 1.1.
func imageOptions(d *pooldef.Volume, preallocation string, backing Image) []string {
	var options []string
	add := func(wanted bool, name, value string) {
		if wanted {
			options = append(options, name+"="+escape(value))
		}
	}
	t := d.Target
	add(backing.Format != "", "backing_fmt", backing.Format)
	add(preallocation != "" && preallocation != "off", "preallocation", preallocation)
	add(t.NoCOW, "nocow", "on")
	add(t.Compat != "", "compat", t.Compat)
	add(t.Compat == "" && t.Format == "qcow2", "compat", "1.1")
	add(t.ClusterSize > 0, "cluster_size", strconv.FormatUint(t.ClusterSize, 10))
	add(t.LazyRefcounts, "lazy_refcounts", "on")
	add(t.ExtendedL2, "extended_l2", "on")
	return options
}
