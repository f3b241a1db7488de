package codec

import (
	"math"
	"slices"

	"poolctl/format/lazy"
	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// adapter reads a SCSI adapter. Without a type, it has only a name: libvirt's first form.
func (r *reader) adapter(at *xmltree.Element) *pooldef.Adapter {
	a := &pooldef.Adapter{Type: r.choice(at, "type", "scsi_host", "fc_host")}
	switch a.Type {
	case "":
		needsType := func(attr string) bool { return attrIndex(at, attr) >= 0 }
		if at.Child("parentaddr") != nil || slices.ContainsFunc([]string{"wwnn", "wwpn", "parent"}, needsType) {
			r.problem(at, "@type", "missing: wwnn, wwpn, parent and parentaddr need it")
			r.skip(at)
		} else if a.Name = r.attr(at, "name"); a.Name == "" {
			r.problem(at, "@name", "missing")
		}
		a.Type = "scsi_host"
	case "scsi_host":
		a.Name, a.Parent = r.attr(at, "name"), r.parentAddress(at)
		if (a.Name == "") == (a.Parent == nil) {
			r.problem(at, "", "a scsi_host has either a name or the address of its parent")
		}
	case "fc_host":
		r.fcHost(at, a)
	default:
		r.skip(at)
	}
	return a
}

func (r *reader) fcHost(at *xmltree.Element, a *pooldef.Adapter) {
	a.WWNN, a.WWPN = r.wwn(at, "wwnn"), r.wwn(at, "wwpn")
	a.ParentName, a.Managed = r.attr(at, "parent"), r.yesNo(at, "managed")
	a.ParentWWNN, a.ParentWWPN = r.wwn(at, "parent_wwnn"), r.wwn(at, "parent_wwpn")
	a.ParentFabricWWN = r.wwn(at, "parent_fabric_wwn")
	for _, need := range []struct {
		missing   bool
		attr, why string
	}{
		{a.WWNN == "", "wwnn", "an fc_host needs it"},
		{a.WWPN == "", "wwpn", "an fc_host needs it"},
		{a.ParentWWNN == "" && a.ParentWWPN != "", "parent_wwnn", "parent_wwpn needs it"},
		{a.ParentWWPN == "" && a.ParentWWNN != "", "parent_wwpn", "parent_wwnn needs it"},
	} {
		if need.missing {
			r.problem(at, "@"+need.attr, "missing: %s", need.why)
		}
	}
}

var wwn = lazy.Regexp(`^(0x)?[0-9a-fA-F]{16}$`)

func (r *reader) wwn(e *xmltree.Element, attr string) string {
	value := r.attr(e, attr)
	if value != "" && !wwn().MatchString(value) {
		r.problem(e, "@"+attr, "%q is not a world-wide name: 16 hexadecimal digits", value)
	}
	return value
}

func (r *reader) parentAddress(adapter *xmltree.Element) *pooldef.ParentAddress {
	e := r.child(adapter, "parentaddr")
	if e == nil {
		return nil
	}
	p := &pooldef.ParentAddress{UniqueID: int(r.number(e, "unique_id", 10, math.MaxInt32))}
	if r.rawAttr(e, "unique_id") == "" {
		r.problem(e, "@unique_id", "missing")
	}
	address := r.child(e, "address")
	if address == nil {
		r.problem(e, "address", "missing: the PCI address")
		return p
	}
	p.Domain, p.Bus = r.number(address, "domain", 0, math.MaxUint32), r.number(address, "bus", 0, 0xff)
	p.Slot, p.Function = r.number(address, "slot", 0, 0x1f), r.number(address, "function", 0, 7)
	return p
}
