// Package scsi manages pools of type scsi: the pool is a SCSI host, and its volumes are the host's logical
// units.
//
// The host is an existing one, or a virtual Fibre Channel port (NPIV). Starting a pool creates the virtual
// port if it does not exist, and stopping removes it, depending on the definition's managed attribute. All
// information comes from /sys.
package scsi

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/backend/scsivol"
	"poolctl/pooldef"
)

// Backend manages pools of type scsi.
type Backend struct{ scsivol.Units }

// New returns the backend.
func New(h host.Host, s backend.Secrets) *Backend {
	b := &Backend{scsivol.New(h, s)}
	b.Find, b.Hosts = b.Ready, b.hosts
	return b
}

// Active implements backend.Backend. A pool is active if its host exists and the pool was started. A virtual
// port that is removed with the pool makes the pool active as soon as the port exists, no matter
// who created it.
func (b *Backend) Active(ctx context.Context, p *pooldef.Pool) (bool, error) {
	at, err := b.find(p)
	if backend.IsUnusable(err) {
		return false, ctx.Err()
	}
	if err := errors.Join(err, ctx.Err()); err != nil {
		return false, err
	}
	return at.isActive(p), nil
}

// hosts returns the pool's host, for scsivol.Units.
func (b *Backend) hosts(_ context.Context, p *pooldef.Pool) ([]int, error) {
	at, err := b.find(p)
	if err == nil && !at.isActive(p) {
		err = &backend.StateError{
			Text: fmt.Sprintf("host%d exists, but the pool was not started", at.number),
			Hint: "poolctl pool-start " + shell.Quote(p.Name),
		}
	}
	return []int{at.number}, err
}

// A place is the SCSI host of a pool's units.
type place struct {
	number int
	parent int // the host on which a virtual port was created; -1 for other hosts
}

func (at place) isVirtual() bool { return at.parent >= 0 }

func (at place) isActive(p *pooldef.Pool) bool { return p.Started || at.isVirtual() && !isKept(p) }

// find returns a pool's host. If there is none, the error is a StateError.
func (b *Backend) find(p *pooldef.Pool) (place, error) {
	a := p.Source.Adapter
	if err := checkAdapter(a); err != nil {
		return place{}, err
	}
	switch {
	case a.Type == "fc_host":
		number, parent, ok := b.Host.FCHost(a.WWNN, a.WWPN)
		if !ok {
			return place{}, &backend.StateError{
				Text: fmt.Sprintf(
					"no Fibre Channel port with node name %s and port name %s", a.WWNN, a.WWPN,
				),
			}
		}
		return place{number, parent}, nil
	case a.Parent != nil:
		return b.byParent(a.Parent)
	}
	number := a.HostNumber()
	if _, err := fs.Stat(b.Host.Sys(), fmt.Sprintf("%s/host%d", class, number)); err != nil {
		return place{}, &backend.StateError{
			Text: fmt.Sprintf("no SCSI host host%d", number), Hint: "ls /sys/" + class,
		}
	}
	return place{number, -1}, nil
}

// CheckDefinition implements backend.DefinitionChecker.
func (b *Backend) CheckDefinition(p *pooldef.Pool) error {
	if err := checkAdapter(p.Source.Adapter); err != nil {
		return err
	}
	_, err := parentNumber(p.Source.Adapter)
	return err
}

// checkAdapter returns an error if a definition's adapter cannot be that of a SCSI host.
func checkAdapter(a *pooldef.Adapter) error {
	switch {
	case a == nil:
		return pooldef.Problems{{Element: "source/adapter", Text: "missing"}}
	case a.Type != "fc_host" && a.Parent == nil && a.HostNumber() < 0:
		return pooldef.Problems{{
			Element: "source/adapter/@name",
			Text:    fmt.Sprintf("%q is not the name of a SCSI host, such as host0 or scsi_host0", a.Name),
		}}
	}
	return nil
}

// class is the directory in /sys with all SCSI hosts, as links into the device tree.
const class = "class/scsi_host"

// byParent finds the host with the given unique id at a PCI address.
func (b *Backend) byParent(a *pooldef.ParentAddress) (place, error) {
	sys := b.Host.Sys()
	address := fmt.Sprintf("%04x:%02x:%02x.%x", a.Domain, a.Bus, a.Slot, a.Function)
	entries, err := fs.ReadDir(sys, class)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return place{}, err
	}
	for _, e := range entries {
		device, _ := fs.ReadLink(sys, class+"/"+e.Name())
		number := (&pooldef.Adapter{Name: e.Name()}).HostNumber()
		if number >= 0 && strings.Contains(device, "/"+address+"/") &&
			host.ReadSys(sys, class, e.Name(), "unique_id") == fmt.Sprint(a.UniqueID) {
			return place{number, -1}, nil
		}
	}
	return place{}, &backend.StateError{
		Text: fmt.Sprintf("no SCSI host with unique id %d at PCI address %s", a.UniqueID, address),
	}
}
