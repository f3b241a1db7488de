package pooldef

import (
	"fmt"
	"slices"
	"strings"

	"poolctl/backend/fault"
)

// A ConflictError reports that a definition, or its file, contradicts another one.
type ConflictError struct {
	Text string
	Hint string // what to do; may be empty

	Pool       string // the pool that the definition contradicts, if it is one
	SameSource bool   // the definition has that pool's storage; otherwise its name or UUID
}

func (e *ConflictError) Error() string { return e.Text }

// Kind implements [fault.Error].
func (*ConflictError) Kind() fault.Kind { return fault.Conflict }

// HintLine implements [fault.Hinter].
func (e *ConflictError) HintLine() string { return e.Hint }

// A SourceResolver answers questions about this machine that decide whether two sources are the same.
type SourceResolver interface {
	// Canonical returns the path with all symbolic links resolved, or the path itself if nothing exists
	// there.
	Canonical(path string) string
	// FCHost finds the SCSI host of a Fibre Channel port. parent is -1 for a physical port.
	FCHost(wwnn, wwpn string) (number, parent int, ok bool)
}

// CheckConflicts returns a ConflictError if p contradicts one of the other pools: the same name with another
// UUID, the same UUID with another name, or the same storage, by libvirt's rules for each type. Paths are
// compared after resolving symbolic links. Of a running pool, pass the definition that it was started with.
func CheckConflicts(p *Pool, others []*Pool, sources SourceResolver) error {
	for _, o := range others {
		conflict := &ConflictError{Pool: o.Name}
		switch {
		case o.UUID == p.UUID && o.Name != p.Name:
			conflict.Text = fmt.Sprintf("pool %q is already defined with uuid %s", o.Name, o.UUID)
		case o.Name == p.Name && o.UUID != p.UUID:
			conflict.Text = fmt.Sprintf("pool %q already exists with uuid %s", o.Name, o.UUID)
		case o.Name != p.Name && usesSameStorage(p, o, sources):
			conflict.Text = fmt.Sprintf("pool %q has the same source already", o.Name)
			conflict.SameSource = true
		default:
			continue
		}
		return conflict
	}
	return nil
}

// deviceTypes are the pool types that use whole devices.
var deviceTypes = []Type{FS, Logical, Disk, ZFS}

// usesSameStorage reports whether pools p and o would use the same storage.
func usesSameStorage(p, o *Pool, sources SourceResolver) bool {
	if slices.Contains(deviceTypes, p.Type) && slices.Contains(deviceTypes, o.Type) {
		return shareADevice(p, o, sources.Canonical)
	}
	if p.Type != o.Type {
		return false
	}
	a, b := &p.Source, &o.Source
	switch p.Type {
	case Dir:
		return sources.Canonical(p.Target.Path) == sources.Canonical(o.Target.Path)
	case Gluster:
		return a.Name == b.Name && a.Dir == b.Dir && sameHost(a, b)
	case NetFS:
		return a.Dir == b.Dir && sameHost(a, b)
	case Sheepdog:
		return sameHost(a, b)
	case Vstorage:
		return a.Name == b.Name
	case Mpath:
		return true
	case ISCSI:
		return a.Initiator == b.Initiator && shareADevice(p, o, func(iqn string) string { return iqn })
	case SCSI:
		return sameAdapter(a.Adapter, b.Adapter, sources)
	}
	return false
}

// shareADevice reports whether pools p and o have a device in common.
func shareADevice(p, o *Pool, canonical func(string) string) bool {
	return slices.ContainsFunc(p.Source.Devices, func(a Device) bool {
		return slices.ContainsFunc(o.Source.Devices, func(b Device) bool {
			return canonical(a.Path) == canonical(b.Path)
		})
	})
}

// sameHost reports whether both sources have exactly one host, and the same one. Ports are compared only if
// the new definition, a, has one.
func sameHost(a, b *Source) bool {
	return len(a.Hosts) == 1 && len(b.Hosts) == 1 && strings.EqualFold(a.Hosts[0].Name, b.Hosts[0].Name) &&
		(a.Hosts[0].Port == 0 || a.Hosts[0].Port == b.Hosts[0].Port)
}

func sameAdapter(a, b *Adapter, sources SourceResolver) bool {
	switch {
	case a.Type == "fc_host" && b.Type == "fc_host":
		return sameWWN(a.WWNN, b.WWNN) && sameWWN(a.WWPN, b.WWPN)
	case a.Type == "fc_host":
		return fcUsesHost(a, b, sources)
	case b.Type == "fc_host":
		return fcUsesHost(b, a, sources)
	case a.Parent != nil && b.Parent != nil:
		return *a.Parent == *b.Parent
	}
	number := a.HostNumber()
	return number >= 0 && number == b.HostNumber()
}

// fcUsesHost reports whether a Fibre Channel adapter is the SCSI host that the other adapter names, or has it
// as parent.
func fcUsesHost(fc, scsi *Adapter, sources SourceResolver) bool {
	number := scsi.HostNumber()
	if number < 0 {
		return false
	}
	if parent := (&Adapter{Name: fc.ParentName}).HostNumber(); parent >= 0 && parent == number {
		return true
	}
	host, parent, ok := sources.FCHost(fc.WWNN, fc.WWPN)
	return ok && (host == number || parent == number)
}

func sameWWN(a, b string) bool {
	return strings.EqualFold(strings.TrimPrefix(a, "0x"), strings.TrimPrefix(b, "0x"))
}

// HostNumber returns the number in an adapter's name (scsi_hostN, fc_hostN or hostN), or -1 for any other
// name.
func (a *Adapter) HostNumber() int {
	for _, form := range []string{"scsi_host%d", "fc_host%d", "host%d"} {
		var number int
		if n, _ := fmt.Sscanf(a.Name, form, &number); n == 1 && fmt.Sprintf(form, number) == a.Name {
			return number
		}
	}
	return -1
}
