package codec

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"poolctl/format"
	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// maxVolumes is the maximum number of volumes in the documents of one file.
const maxVolumes = 100_000

// stateKeys and desiredVolumeKeys define the parts of a document that only diff and apply use.
var (
	stateKeys = []yamlKey{
		{"state.built", "@built", text},
		{"state.active", "@active", yesNoKey},
		{"state.autostart", "@autostart", yesNoKey},
	}
	desiredVolumeKeys = slices.Concat(volumeKeys, []yamlKey{
		{"state", "?desired/@state", text},
		{"backing.volume", "backingStore/path", text},
		{"backing.pool", "?desired/@backing_pool", text},
		{"source.file", "?desired/@file", text},
		{"source.url", "?desired/@url", text},
		{"source.sha256", "?desired/@sha256", text},
		{"source.sha512", "?desired/@sha512", text},
		{"source.checksum", "?desired/@checksum", text},
		{"source.pool", "?desired/@pool", text},
		{"source.volume", "?desired/@volume", text},
	})
)

// ReadDesired reads what diff and apply compare the machine with: all YAML documents of a file, or one XML
// document. Unknown elements are problems. The error is Problems, with those of all documents.
func ReadDesired(file string, data []byte) ([]*pooldef.Desired, error) {
	if err := checkText(data); err != nil {
		return nil, pooldef.ProblemsIn(file, err)
	}
	if IsXML(file, data) {
		p, _, err := ReadPool(file, data, true)
		if err != nil {
			return nil, err
		}
		return []*pooldef.Desired{{Pool: p, File: file, Line: 1}}, nil
	}
	roots, err := format.ParseYAMLStream(data)
	if err == nil && len(roots) == 0 {
		err = errors.New("the document is empty")
	}
	if err != nil {
		return nil, pooldef.ProblemsIn(file, yamlProblem(err))
	}
	d := desiredReader{file: file}
	var all []*pooldef.Desired
	for _, root := range roots {
		if one := d.read(root); one != nil {
			all = append(all, one)
		}
	}
	if len(d.problems) > 0 {
		slices.SortStableFunc(d.problems, byLine)
		return nil, d.problems
	}
	return all, nil
}

// A desiredReader reads the documents of one file.
type desiredReader struct {
	file     string
	volumes  int
	problems pooldef.Problems
}

// fail adds the problems that err wraps. Their elements are below the key in.
func (d *desiredReader) fail(in string, err error) {
	for _, p := range pooldef.ProblemsIn(d.file, err) {
		p.Element = strings.Trim(in+"."+p.Element, ".")
		d.problems = append(d.problems, p)
	}
}

// read reads one document. It returns nil if the document has problems.
func (d *desiredReader) read(root *format.YAML) *pooldef.Desired {
	before := len(d.problems)
	doc, err := readYAML(root, poolKeys, "pool", "managed_by")
	if err != nil {
		d.fail("", err)
		return nil
	}
	p, _, err := readPool(doc, true)
	d.fail("", err)
	one := &pooldef.Desired{Pool: p, File: d.file, Line: root.Line, State: d.state(doc.apart["state"])}
	if p == nil { // which keys a volume has depends on the pool's type
		return nil
	}
	if list := doc.apart["volumes"]; list != nil {
		one.Volumes = d.readVolumes(list, p.Type.Info())
	}
	one.YAML, err = definitionOf(root, p)
	d.fail("", err)
	if len(d.problems) > before {
		return nil
	}
	return one
}

// state reads the state that a pool should have.
func (d *desiredReader) state(node *format.YAML) (s pooldef.DesiredState) {
	if node == nil {
		return s
	}
	doc := &document{keys: stateKeys, root: &xmltree.Element{Name: "state", Line: node.Line}}
	p := yamlParser{keys: stateKeys}
	if node.Kind == format.YAMLMapping {
		p.readMapping(node, "state", doc.root, "")
	} else {
		p.problem(node, "state", "expected a mapping: key: value")
	}
	doc.problems = p.problems
	r := newReader(doc)
	s.Built = r.choice(doc.root, "built", "never", "if-missing") == "if-missing"
	s.Active, s.Autostart = r.yesNo(doc.root, "active"), r.yesNo(doc.root, "autostart")
	_, err := r.done(true)
	d.fail("", err)
	return s
}

// readVolumes reads the volumes that a pool should have, or not.
func (d *desiredReader) readVolumes(list *format.YAML, info *pooldef.TypeInfo) []pooldef.DesiredVolume {
	if list.Kind != format.YAMLSequence {
		d.fail("volumes", lineProblem(list.Line, "expected a list of volumes"))
		return nil
	}
	if d.volumes += len(list.Content); d.volumes > maxVolumes {
		d.fail("volumes", lineProblem(list.Line, "more than %d volumes in one file", maxVolumes))
		return nil
	}
	var all []pooldef.DesiredVolume
	for _, item := range list.Content {
		item = resolveAlias(item)
		doc, err := readYAML(item, desiredVolumeKeys, "volume")
		if err != nil {
			d.fail("volumes", err)
			continue
		}
		v, err := d.readVolume(doc, info)
		d.fail("volumes", err)
		if err == nil {
			all = append(all, *v)
		}
	}
	return all
}

func (d *desiredReader) readVolume(doc *document, info *pooldef.TypeInfo) (*pooldef.DesiredVolume, error) {
	own := takeChild(doc.root, "?desired")
	r := newReader(doc)
	if own == nil {
		own = &xmltree.Element{Line: doc.root.Line}
	}
	r.paths[own] = "?desired"
	v := &pooldef.DesiredVolume{Line: doc.root.Line, BackingPool: r.attr(own, "backing_pool")}
	v.Absent = r.choice(own, "state", "present", "absent") == "absent"
	v.Source = d.source(r, own)
	definition, _, err := readVolume(doc, info, true, !v.Absent && v.Source == nil)
	v.Volume = definition
	if err == nil && v.Source != nil && v.Source.URL != "" && !hasFormat(doc.root) {
		v.Target.Format = "" // the image's
	}
	return v, errors.Join(err, r.failed())
}

// hasFormat reports whether a volume's document says its format.
func hasFormat(root *xmltree.Element) bool {
	target := root.Child("target")
	return target != nil && target.Child("format") != nil
}

// takeChild removes a child of an element and returns it.
func takeChild(e *xmltree.Element, name string) *xmltree.Element {
	child := e.Child(name)
	e.Children = slices.DeleteFunc(e.Children, func(c *xmltree.Element) bool { return c == child })
	return child
}

// sums are the checksums that a source can have, with their numbers of hexadecimal digits.
var sums = []struct {
	key    string
	digits int
}{{"sha256", 64}, {"sha512", 128}}

// source reads where a new volume gets its data. Data of a server need a checksum, or say that there is none.
func (d *desiredReader) source(r *reader, e *xmltree.Element) *pooldef.VolumeSource {
	s := pooldef.VolumeSource{File: r.attr(e, "file"), URL: r.attr(e, "url"),
		Pool: r.attr(e, "pool"), Volume: r.attr(e, "volume")}
	unchecked := r.choice(e, "checksum", "none") == "none"
	for _, sum := range sums {
		text := strings.ToLower(r.attr(e, sum.key))
		switch {
		case text == "":
			continue
		case len(text) != sum.digits || strings.Trim(text, "0123456789abcdef") != "":
			r.problem(e, "@"+sum.key, "%q is not a checksum of %d hexadecimal digits", text, sum.digits)
		case s.Sum != "" || unchecked:
			r.problem(e, "@"+sum.key, "sha256, sha512 and \"checksum: none\" exclude each other")
		}
		s.Sum = text
	}
	origins := 0
	for _, origin := range []string{s.File, s.URL, s.Volume} {
		if origin != "" {
			origins++
		}
	}
	switch {
	case s == pooldef.VolumeSource{} && !unchecked:
		return nil
	case origins != 1:
		r.problem(e, "@file", "give either a file, a url or a volume")
	case s.Volume == "" && s.Pool != "":
		r.problem(e, "@pool", "a pool needs a volume, not a file")
	case s.Volume != "" && (s.Sum != "" || unchecked):
		r.problem(e, "@sha256", "only a file or a url has a checksum")
	case s.URL != "" && s.Sum == "" && !unchecked:
		r.problem(e, "@sha256", "a url needs sha256 or sha512; \"checksum: none\" trusts the server")
	}
	return &s
}

// definitionOf returns the text of a document without the parts that only diff and apply use.
func definitionOf(root *format.YAML, p *pooldef.Pool) ([]byte, error) {
	rest := *root
	rest.Content = nil
	for i := 0; i+1 < len(root.Content); i += 2 {
		if !slices.Contains([]string{"state", "volumes", "managed_by"}, root.Content[i].Value) {
			rest.Content = append(rest.Content, root.Content[i], root.Content[i+1])
		}
	}
	var b bytes.Buffer
	if err := format.PrintYAML(&b, &rest); err != nil {
		return nil, err
	}
	read, _, err := ReadPool("", b.Bytes(), true)
	if err != nil || PoolElement(read, nil).String() != PoolElement(p, nil).String() {
		return PoolYAML(p) // what was left out defined an anchor
	}
	return b.Bytes(), nil
}
