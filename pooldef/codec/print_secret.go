package codec

import (
	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// usageElements maps each usage type to the element that contains the usage.
var usageElements = []struct{ usage, element string }{
	{"none", ""}, {"volume", "volume"}, {"ceph", "name"}, {"iscsi", "target"}, {"tls", "name"}, {"vtpm", "name"},
	{"cifs", "name"}, // poolctl's extension
}

// SecretElement returns a secret's document as libvirt prints it.
func SecretElement(s *pooldef.Secret) *xmltree.Element {
	root := xmltree.NewElement("secret", "ephemeral", yesNo(&s.Ephemeral), "private", yesNo(&s.Private))
	root.AddText("uuid", s.UUID).AddText("description", s.Description)
	for _, u := range usageElements {
		if u.usage == s.UsageType && u.element != "" {
			root.Add(xmltree.NewElement("usage", "type", s.UsageType)).AddText(u.element, s.Usage)
		}
	}
	return root
}
