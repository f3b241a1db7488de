package pooldef

// A Secret is the definition of a secret; its value is not part of it.
type Secret struct {
	UUID        string // 36 characters, lower case
	Description string
	Ephemeral   bool   // kept until the machine stops, definition and value
	Private     bool   // its value is never shown
	UsageType   string // what it is for: none, volume, ceph, iscsi, tls, vtpm, cifs
	Usage       string // which one: the volume's path, the name, the target; empty for none
}

// Purpose tells what a secret is for in virsh's words.
func (s *Secret) Purpose() string {
	if s.UsageType == "none" {
		return "Unused"
	}
	return s.UsageType + " " + s.Usage
}
