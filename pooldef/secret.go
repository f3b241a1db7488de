package pooldef

import "poolctl/format"

// A Secret is the definition of a secret; its value is not part of it.
type Secret struct {
	UUID        string // 36 characters, lower case
	Description string
	Ephemeral   bool   // kept until the machine stops, definition and value
	Private     bool   // its value is never shown
	UsageType   string // what it is for: none, volume, ceph, iscsi, tls, vtpm, cifs
	Usage       string // which one: the volume's path, the name, the target; empty for none
}

// usageElements tells for each type of usage which element says what the secret is for.
var usageElements = []struct{ usage, element string }{
	{"none", ""}, {"volume", "volume"}, {"ceph", "name"}, {"iscsi", "target"}, {"tls", "name"}, {"vtpm", "name"},
	{"cifs", "name"}, // poolctl's own
}

// Purpose tells what a secret is for in virsh's words.
func (s *Secret) Purpose() string {
	if s.UsageType == "none" {
		return "Unused"
	}
	return s.UsageType + " " + s.Usage
}

// Element returns the secret's document as libvirt prints it.
func (s *Secret) Element() *format.Element {
	root := format.NewElement("secret", "ephemeral", yesNo(&s.Ephemeral), "private", yesNo(&s.Private))
	root.AddText("uuid", s.UUID).AddText("description", s.Description)
	for _, u := range usageElements {
		if u.usage == s.UsageType && u.element != "" {
			root.Add(format.NewElement("usage", "type", s.UsageType)).AddText(u.element, s.Usage)
		}
	}
	return root
}
