package codec

import (
	"cmp"
	"math"
	"strings"

	"poolctl/format/lazy"
	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// ReadVolume reads a volume's definition, XML or YAML, for a pool of the given type. Parameters and results
// are as for ReadPool.
func ReadVolume(
	file string, data []byte, info *pooldef.TypeInfo, strict bool,
) (*pooldef.Volume, []pooldef.Problem, error) {
	return parseVolume(file, data, info, strict, true)
}

// ReadCopy is ReadVolume for a volume that is created from another one, and so needs no capacity.
func ReadCopy(
	file string, data []byte, info *pooldef.TypeInfo, strict bool,
) (*pooldef.Volume, []pooldef.Problem, error) {
	return parseVolume(file, data, info, strict, false)
}

func parseVolume(
	file string, data []byte, info *pooldef.TypeInfo, strict, needsCapacity bool,
) (*pooldef.Volume, []pooldef.Problem, error) {
	doc, err := parseDocument(file, data, volumeKeys)
	if err != nil {
		return nil, nil, err
	}
	return readVolume(doc, info, strict, needsCapacity)
}

// VolumeFromElement reads a volume's definition from a tree that was not parsed from a document.
func VolumeFromElement(e *xmltree.Element, info *pooldef.TypeInfo) (*pooldef.Volume, error) {
	v, _, err := readVolume(&document{root: e}, info, false, true)
	return v, err
}

// CopyFromElement is VolumeFromElement for a volume that needs no capacity, as for ReadCopy.
func CopyFromElement(e *xmltree.Element, info *pooldef.TypeInfo) (*pooldef.Volume, error) {
	v, _, err := readVolume(&document{root: e}, info, false, false)
	return v, err
}

func readVolume(
	doc *document, info *pooldef.TypeInfo, strict, needsCapacity bool,
) (*pooldef.Volume, []pooldef.Problem, error) {
	r := newReader(doc)
	root := doc.root
	if root.Name != "volume" {
		r.problem(root, "", "the root element is <%s>, not <volume>", root.Name)
		return nil, nil, r.failed()
	}
	v := &pooldef.Volume{Name: r.text(root, "name"), Key: r.text(root, "key")}
	v.Type = r.choice(root, "type", "file", "block", "dir", "network", "netdir", "ploop")
	if v.Name == "" {
		r.problem(root, "name", "missing")
	} else if text := pooldef.CheckVolumeName(v.Name); text != "" {
		r.problem(root.Child("name"), "", "%s", text)
	}
	r.checkPathLength(root, "name", v.Name)
	v.Capacity = r.size(root, "capacity", math.MaxInt64)
	v.Allocation = r.size(root, "allocation", math.MaxInt64)
	r.printed(root, "physical", "physical/@unit", "source/device+/@path", "source/device+/extent+/@start",
		"source/device+/extent+/@end")
	v.Target = r.volumeTarget(r.child(root, "target"), info)
	v.Backing = r.backing(r.child(root, "backingStore"), info)
	if needsCapacity && !v.Capacity.Known && v.Backing == nil {
		r.problem(root, "capacity", "missing")
	}
	warnings, err := r.done(strict)
	if err != nil {
		return nil, warnings, err
	}
	return v, warnings, nil
}

// times are the parts of an image that say when it was used.
var times = []string{"timestamps/atime", "timestamps/mtime", "timestamps/ctime", "timestamps/btime"}

// below ignores the images below a backing file, which are printed only.
func (r *reader) below(backing *xmltree.Element) {
	for e := r.child(backing, "backingStore"); e != nil; e = r.child(e, "backingStore") {
		r.printed(e, append(times, "path", "format/@type", "permissions/mode", "permissions/owner",
			"permissions/group", "permissions/label")...)
	}
}

var compat = lazy.Regexp(`^[0-9]+\.[0-9]+$`)

func (r *reader) volumeTarget(e *xmltree.Element, info *pooldef.TypeInfo) pooldef.VolumeTarget {
	if e == nil {
		return pooldef.VolumeTarget{Format: info.DefaultVolumeFormat}
	}
	t := pooldef.VolumeTarget{Path: r.text(e, "path"),
		Format: r.volumeFormat(e, info), Permissions: r.permissions(e),
		Encryption: r.encryption(e), Compat: r.text(e, "compat"), NoCOW: r.child(e, "nocow") != nil}
	r.printed(e, times...)
	r.checkPathLength(e, "path", t.Path)
	if t.Format == "" {
		t.Format = info.DefaultVolumeFormat
	}
	if t.Compat != "" && !compat().MatchString(t.Compat) {
		r.problem(e, "compat", "%q is not a version such as 1.1", t.Compat)
	}
	t.ClusterSize = r.size(e, "clusterSize", math.MaxInt64).Bytes
	if features := r.child(e, "features"); features != nil {
		t.Features = true
		t.LazyRefcounts = r.child(features, "lazy_refcounts") != nil
		t.ExtendedL2 = r.child(features, "extended_l2") != nil
		for _, f := range features.Children {
			if f.Name != "lazy_refcounts" && f.Name != "extended_l2" {
				r.problem(f, "", "unknown feature; known are lazy_refcounts, extended_l2")
				r.skip(f)
			}
		}
	}
	return t
}

// backing reads the backing file of a new volume. Without a path and a format, the volume has none. A missing
// format stays empty. With libvirt it would be raw, but a wrong format lets a guest read any file of the host
// through the image.
func (r *reader) backing(e *xmltree.Element, info *pooldef.TypeInfo) *pooldef.VolumeTarget {
	if e == nil {
		return nil
	}
	t := &pooldef.VolumeTarget{Path: r.text(e, "path"),
		Format: r.volumeFormat(e, info), Permissions: r.permissions(e)}
	r.printed(e, times...)
	r.below(e)
	switch {
	case t.Path == "" && t.Format == "":
		return nil
	case t.Path == "":
		r.problem(e, "path", "missing")
	}
	r.checkPathLength(e, "path", t.Path)
	return t
}

// volumeFormat reads the format if the pool's type has volume formats. For other types it is ignored, as by
// libvirt.
func (r *reader) volumeFormat(e *xmltree.Element, info *pooldef.TypeInfo) string {
	f := r.child(e, "format")
	value := r.rawAttr(f, "type")
	if info.DefaultVolumeFormat == "" {
		return ""
	}
	if value != "" && !info.HasVolumeFormat(value) {
		r.problem(f, "@type", "%q is not one of %s", value, strings.Join(info.AcceptedVolumeFormats(), ", "))
	}
	return value
}

func (r *reader) encryption(parent *xmltree.Element) *pooldef.Encryption {
	e := r.child(parent, "encryption")
	if e == nil {
		return nil
	}
	c := &pooldef.Encryption{
		Format: r.choice(e, "format", "default", "qcow", "luks", "luks2", "luks-any"),
		Engine: r.choice(e, "engine", "qemu", "librbd"),
	}
	if c.Format == "" {
		r.problem(e, "@format", "missing")
	}
	for _, s := range r.children(e, "secret") {
		ref := r.secret(s)
		ref.Type = cmp.Or(r.choice(s, "type", "passphrase"), "passphrase") // the only type
		c.Secrets = append(c.Secrets, ref)
	}
	c.Cipher, c.IVGen = r.cipher(e), r.ivgen(e)
	if c.IVGen != nil && c.Cipher == nil {
		r.problem(e, "cipher", "missing: an ivgen needs it")
	}
	return c
}

func (r *reader) cipher(parent *xmltree.Element) *pooldef.Cipher {
	e := r.child(parent, "cipher")
	if e == nil {
		return nil
	}
	c := &pooldef.Cipher{
		Name: r.attr(e, "name"),
		Bits: int(r.number(e, "size", 10, math.MaxUint16)),
		Mode: r.attr(e, "mode"),
		Hash: r.attr(e, "hash"),
	}
	if c.Name == "" {
		r.problem(e, "@name", "missing")
	}
	if c.Bits == 0 {
		r.problem(e, "@size", "missing")
	}
	return c
}

func (r *reader) ivgen(parent *xmltree.Element) *pooldef.IVGen {
	e := r.child(parent, "ivgen")
	if e == nil {
		return nil
	}
	g := &pooldef.IVGen{Name: r.attr(e, "name"), Hash: r.attr(e, "hash")}
	if g.Name == "" {
		r.problem(e, "@name", "missing")
	}
	return g
}
