package pooldef

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"poolctl/format"
)

// ReadVolume reads a volume's definition, XML or YAML, for a pool of the type given. It returns all problems at once, as
// Problems. Unknown XML elements are warnings, or problems if strict.
func ReadVolume(file string, data []byte, info *TypeInfo, strict bool) (*Volume, []Problem, error) {
	doc, err := parseDocument(file, data, volumeKeys)
	if err != nil {
		return nil, nil, err
	}
	return readVolume(doc, info, strict)
}

// VolumeFromElement reads a volume's definition from a tree that was built, not parsed.
func VolumeFromElement(e *format.Element, info *TypeInfo) (*Volume, error) {
	v, _, err := readVolume(&document{root: e}, info, false)
	return v, err
}

func readVolume(doc *document, info *TypeInfo, strict bool) (*Volume, []Problem, error) {
	r := newReader(doc)
	root := doc.root
	if root.Name != "volume" {
		r.problem(root, "", "the root element is <%s>, not <volume>", root.Name)
		return nil, nil, r.problems
	}
	v := &Volume{Name: r.text(root, "name"), Key: r.text(root, "key")}
	v.Type = r.word(root, "@type", r.attr(root, "type"), "file", "block", "dir", "network", "netdir", "ploop")
	if v.Name == "" {
		r.problem(root, "name", "missing")
	} else if text := CheckVolumeName(v.Name); text != "" {
		r.problem(root.Child("name"), "", "%s", text)
	}
	v.Capacity = r.size(root, "capacity", math.MaxInt64)
	v.Allocation = r.size(root, "allocation", math.MaxInt64)
	r.printedOnly(root)
	v.Target = r.volumeTarget(r.child(root, "target"), info)
	if e := r.child(root, "backingStore"); e != nil {
		backing := r.volumeTarget(e, info)
		if v.Backing = &backing; backing.Path == "" {
			r.problem(e, "path", "missing")
		}
	}
	if !v.Capacity.Known && v.Backing == nil && root.Child("capacity") == nil {
		r.problem(root, "capacity", "missing")
	}
	warnings, err := r.finish(strict)
	if err != nil {
		return nil, warnings, err
	}
	return v, warnings, nil
}

// CheckVolumeName tells what is wrong with a name for any volume, whatever the pool's type; "" if nothing is.
func CheckVolumeName(name string) string {
	switch {
	case name == "." || name == "..":
		return fmt.Sprintf("%q: a name cannot be . or ..", name)
	case strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return fmt.Sprintf("%q: a name cannot contain control characters", name)
	}
	return ""
}

// printedOnly passes over what a volume's document says of a volume that exists, and what nobody can ask for.
func (r *reader) printedOnly(root *format.Element) {
	r.attr(r.child(root, "physical"), "unit")
	for _, d := range r.children(r.child(root, "source"), "device") {
		r.attr(d, "path")
		for _, x := range r.children(d, "extent") {
			r.attr(x, "start")
			r.attr(x, "end")
		}
	}
	for _, parent := range []string{"target", "backingStore"} {
		for _, stamp := range []string{"atime", "mtime", "ctime", "btime"} {
			r.child(root, parent+"/timestamps/"+stamp)
		}
	}
}

var compat = regexp.MustCompile(`^[0-9]+\.[0-9]+$`)

func (r *reader) volumeTarget(e *format.Element, info *TypeInfo) VolumeTarget {
	if e == nil {
		return VolumeTarget{Format: info.DefaultVolumeFormat}
	}
	t := VolumeTarget{Path: r.text(e, "path"), Permissions: r.permissions(e), Encryption: r.encryption(e),
		Compat: r.text(e, "compat"), NoCOW: r.child(e, "nocow") != nil}
	t.Format = r.volumeFormat(e, info)
	if t.Compat != "" && !compat.MatchString(t.Compat) {
		r.problem(e, "compat", "%q is not a version such as 1.1", t.Compat)
	}
	t.ClusterSize = r.size(e, "clusterSize", math.MaxInt64).Bytes
	if features := r.child(e, "features"); features != nil {
		t.Features = true
		t.LazyRefcounts = r.child(features, "lazy_refcounts") != nil
		t.ExtendedL2 = r.child(features, "extended_l2") != nil
		for _, f := range features.Children {
			if f.Name != "lazy_refcounts" && f.Name != "extended_l2" {
				r.problem(f, "", "unknown feature")
			}
		}
	}
	return t
}

// volumeFormat reads the format where the pool's type has volume formats; elsewhere it is passed over, as by libvirt.
func (r *reader) volumeFormat(e *format.Element, info *TypeInfo) string {
	f := r.child(e, "format")
	value := r.attr(f, "type")
	switch {
	case info.DefaultVolumeFormat == "":
		return ""
	case value == "" && e.Name == "backingStore":
		return ""
	case value == "":
		return info.DefaultVolumeFormat
	case !info.HasVolumeFormat(value) && len(info.VolumeFormats) > 0:
		known := slices.DeleteFunc(slices.Clone(info.VolumeFormats), func(f string) bool { return !info.HasVolumeFormat(f) })
		r.problem(f, "@type", "%q is not one of %s", value, strings.Join(known, ", "))
	}
	return value
}

func (r *reader) encryption(parent *format.Element) *Encryption {
	e := r.child(parent, "encryption")
	if e == nil {
		return nil
	}
	c := &Encryption{}
	if c.Format = r.attr(e, "format"); c.Format == "" {
		r.problem(e, "@format", "missing")
	}
	r.word(e, "@format", c.Format, "default", "qcow", "luks", "luks2")
	c.Engine = r.word(e, "@engine", r.attr(e, "engine"), "qemu", "librbd")
	for _, s := range r.children(e, "secret") {
		ref := r.secret(s)
		if ref.Type != "passphrase" {
			r.problem(s, "@type", "%q is not passphrase", ref.Type)
		}
		c.Secrets = append(c.Secrets, ref)
	}
	c.Cipher, c.IVGen = r.cipher(e), r.ivgen(e)
	if c.IVGen != nil && c.Cipher == nil {
		r.problem(e, "cipher", "missing: an ivgen needs it")
	}
	return c
}

func (r *reader) cipher(parent *format.Element) *Cipher {
	e := r.child(parent, "cipher")
	if e == nil {
		return nil
	}
	c := &Cipher{Name: r.attr(e, "name"), Bits: int(r.number(e, "size", 10, math.MaxUint16)), Mode: r.attr(e, "mode"), Hash: r.attr(e, "hash")}
	if c.Name == "" {
		r.problem(e, "@name", "missing")
	}
	if c.Bits == 0 {
		r.problem(e, "@size", "missing")
	}
	return c
}

func (r *reader) ivgen(parent *format.Element) *IVGen {
	e := r.child(parent, "ivgen")
	if e == nil {
		return nil
	}
	g := &IVGen{Name: r.attr(e, "name"), Hash: r.attr(e, "hash")}
	if g.Name == "" {
		r.problem(e, "@name", "missing")
	}
	return g
}
