package codec

import (
	"slices"
	"strings"

	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// ReadSecret reads a secret's definition, XML or YAML. Parameters and results are as for ReadPool.
func ReadSecret(file string, data []byte, strict bool) (*pooldef.Secret, []pooldef.Problem, error) {
	doc, err := parseDocument(file, data, secretKeys)
	if err != nil {
		return nil, nil, err
	}
	r, root := newReader(doc), doc.root
	if root.Name != "secret" {
		r.problem(root, "", "the root element is <%s>, not <secret>", root.Name)
		return nil, nil, r.failed()
	}
	yes := func(b *bool) bool { return b != nil && *b }
	s := &pooldef.Secret{UUID: r.uuid(), Description: r.multilineText(r.child(root, "description")),
		UsageType: "none", Ephemeral: yes(r.yesNo(root, "ephemeral")), Private: yes(r.yesNo(root, "private"))}
	if usage := r.child(root, "usage"); usage != nil {
		s.UsageType, s.Usage = r.usage(usage)
	}
	warnings, err := r.done(strict)
	if err != nil {
		return nil, warnings, err
	}
	return s, warnings, nil
}

// usage reads the usage of a secret.
func (r *reader) usage(e *xmltree.Element) (usageType, usage string) {
	types := make([]string, len(usageElements))
	for i, u := range usageElements {
		types[i] = u.usage
	}
	usageType = r.choice(e, "type", types...)
	i := slices.Index(types, usageType)
	if i < 0 { // what else is required depends on the type
		if usageType == "" {
			r.problem(e, "@type", "missing; it is one of %s", strings.Join(types, ", "))
		}
		r.skip(e)
		return "", ""
	}
	if name := usageElements[i].element; name != "" {
		if usage = r.text(e, name); usage == "" {
			r.problem(e, name, "missing: what the secret is for")
		}
	}
	return usageType, usage
}

// multilineText returns an element's text, in which line feeds and tabs are allowed.
func (r *reader) multilineText(e *xmltree.Element) string {
	if e == nil {
		return ""
	}
	r.checkPlain(e, "", strings.NewReplacer("\n", " ", "\t", " ").Replace(r.rawText(e)))
	return e.Text
}
