package pooldef

// A Secret is the definition of a secret, without its value.
type Secret struct {
	UUID        string // 36 characters, lower case
	Description string
	Ephemeral   bool   // definition and value are kept only until the machine stops
	Private     bool   // the value is never shown
	UsageType   string // none, volume, ceph, iscsi, tls, vtpm, cifs
	Usage       string // depending on the type: the volume's path, a name, the iSCSI target; empty for none
}

// Purpose returns the usage of a secret in the form that virsh prints.
func (s *Secret) Purpose() string {
	if s.UsageType == "none" {
		return "Unused"
	}
	return s.UsageType + " " + s.Usage
}
