package codec

import (
	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// usageElements tells for each type of usage which element says what the secret is for.
var usageElements = []struct{ usage, element string }{
	{"none", ""}, {"volume", "volume"}, {"ceph", "name"}, {"iscsi", "target"}, {"tls", "name"}, {"vtpm", "name"},
	{"cifs", "name"}, // poolctl's own
}

// SecretElement returns the secret's document as libvirt prints it.
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
