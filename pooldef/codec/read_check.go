package codec

import (
	"slices"

	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// checkSettings reads the settings of "poolctl check". XML documents cannot have them.
func (r *reader) checkSettings(e *xmltree.Element) pooldef.CheckSettings {
	s := pooldef.CheckSettings{Warning: r.limit(e, "warning"), Critical: r.limit(e, "critical")}
	if e == nil {
		return s
	}
	for _, o := range r.children(e, "?skip") {
		skip := pooldef.Option{Name: r.attr(o, "name"), Value: r.attr(o, "value")}
		switch {
		case skip.Value == "":
			r.problem(o, "@value", "the reason for leaving out %q is missing", skip.Name)
		case slices.ContainsFunc(s.Skip, func(o pooldef.Option) bool { return o.Name == skip.Name }):
			r.problem(o, "@name", "%q is given a second time", skip.Name)
		}
		s.Skip = append(s.Skip, skip)
	}
	return s
}

// limit reads a range of percentages; nil means that it is missing.
func (r *reader) limit(e *xmltree.Element, attr string) *pooldef.Range {
	text := r.attr(e, attr)
	if text == "" {
		return nil
	}
	limit, err := pooldef.ParseRange(text)
	if err != nil {
		r.problem(e, "@"+attr, "%v", err)
	}
	return &limit
}

// checkElement returns the element that checkSettings reads.
func checkElement(s *pooldef.CheckSettings) *xmltree.Element {
	e := xmltree.NewElement("?check", "warning", limitText(s.Warning), "critical", limitText(s.Critical))
	for _, o := range s.Skip {
		e.Add(xmltree.NewElement("?skip", "name", o.Name, "value", o.Value))
	}
	return e
}

// limitText returns the text of an optional range; "" means nil.
func limitText(r *pooldef.Range) string {
	if r == nil {
		return ""
	}
	return r.String()
}
