package codec

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"poolctl/pooldef"
)

// maxUses is the maximum number of references in the document of a domain.
const maxUses = 100_000

// ReadDomain reads the document of a libvirt domain, or libvirt's record of a running one (domstatus), and
// returns all references to storage in it.
//
// Every absolute path counts, in whatever attribute or element it is, because a volume whose user is unknown
// may be deleted: disks and all images of their chains, file systems, firmware, kernels, and options that are
// passed to QEMU itself. ReadDomain keeps no tree, so that a large domain needs little memory.
func ReadDomain(file string, data []byte) (*pooldef.Domain, error) {
	decoder := xml.NewDecoder(bytes.NewReader(data))
	decoder.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	r := domainReader{seen: map[pooldef.DomainUse]bool{}}
	for {
		token, err := decoder.Token()
		switch {
		case errors.Is(err, io.EOF) && r.domain != nil:
			return r.domain, nil
		case errors.Is(err, io.EOF):
			err = pooldef.Problem{Line: 1, Text: "it defines no domain"}
		case err == nil:
			err = r.addToken(token)
		}
		if err != nil {
			return nil, pooldef.ProblemsIn(file, xmlProblem(err, decoder))
		}
	}
}

// A domainReader collects references to storage.
type domainReader struct {
	domain *pooldef.Domain
	seen   map[pooldef.DomainUse]bool
	record bool     // the document is of a running domain
	open   []string // the names of the open elements, from the domain on
	text   strings.Builder
	device []pooldef.DomainUse // of the open device, until its name is known
	target string              // of the open device: vda
}

func (r *domainReader) addToken(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		return r.start(t)
	case xml.CharData:
		r.text.Write(t)
	case xml.EndElement:
		return r.end()
	}
	return nil
}

// inDevice reports whether the reader is in an element of devices, such as a disk.
func (r *domainReader) inDevice() bool { return len(r.open) >= 3 && r.open[1] == "devices" }

func (r *domainReader) start(t xml.StartElement) error {
	name := t.Name.Local
	r.text.Reset()
	switch {
	case r.domain != nil && len(r.open) == 0: // behind the domain, in the record of a running one
		return nil
	case r.domain == nil && name == "domstatus":
		r.record = true
		return nil
	case r.domain == nil && name != "domain":
		return nil
	case r.domain == nil:
		r.domain = &pooldef.Domain{Running: r.record}
	}
	r.open = append(r.open, name)
	attrs := map[string]string{}
	for _, a := range t.Attr {
		attrs[a.Name.Local] = a.Value
		if err := r.addValue(a.Value); err != nil {
			return err
		}
	}
	switch {
	case name == "target" && len(r.open) == 4 && r.inDevice():
		r.target = attrs["dev"]
	case attrs["volume"] != "" && attrs["pool"] != "":
		return r.add(pooldef.DomainUse{Pool: attrs["pool"], Volume: attrs["volume"]})
	case attrs["protocol"] != "" && attrs["name"] != "":
		return r.add(pooldef.DomainUse{Protocol: attrs["protocol"], Image: attrs["name"]})
	}
	return nil
}

// addValue adds the paths in the value of an attribute: the value itself, or parts of an option of QEMU, such
// as file=/srv/a.img,format=raw.
func (r *domainReader) addValue(value string) error {
	if strings.HasPrefix(value, "/") {
		return r.add(pooldef.DomainUse{Path: value})
	}
	if r.open[len(r.open)-1] != "arg" {
		return nil
	}
	separates := func(c rune) bool { return strings.ContainsRune(`,=":{} `, c) }
	for part := range strings.FieldsFuncSeq(value, separates) {
		if strings.HasPrefix(part, "/") {
			if err := r.add(pooldef.DomainUse{Path: part}); err != nil {
				return err
			}
		}
	}
	return nil
}

// add adds a reference, to the open device if there is one.
func (r *domainReader) add(use pooldef.DomainUse) error {
	if r.inDevice() {
		use.As = r.open[2]
		r.device = append(r.device, use)
		return r.checkCount()
	}
	use.As = r.open[len(r.open)-1]
	if !r.seen[use] {
		r.seen[use] = true
		r.domain.Uses = append(r.domain.Uses, use)
	}
	return r.checkCount()
}

func (r *domainReader) checkCount() error {
	if len(r.domain.Uses)+len(r.device) > maxUses {
		return lineProblem(0, "more than %d paths", maxUses)
	}
	return nil
}

func (r *domainReader) end() error {
	if len(r.open) == 0 {
		return nil
	}
	text := strings.TrimSpace(r.text.String())
	r.text.Reset()
	switch {
	case len(r.open) == 2 && r.open[1] == "name":
		r.domain.Name = text
	case strings.HasPrefix(text, "/"):
		if err := r.add(pooldef.DomainUse{Path: text}); err != nil {
			return err
		}
	}
	if len(r.open) == 3 && r.inDevice() {
		for _, use := range r.device {
			if r.target != "" {
				use.As = r.target
			}
			r.domain.Uses = append(r.domain.Uses, use)
		}
		r.device, r.target = nil, ""
	}
	r.open = r.open[:len(r.open)-1]
	return nil
}
