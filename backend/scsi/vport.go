package scsi

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// isKept reports whether the definition says that stopping the pool keeps the virtual port.
func isKept(p *pooldef.Pool) bool {
	managed := p.Source.Adapter.Managed
	return managed != nil && !*managed
}

// Start implements backend.Starter. It creates the virtual port of an fc_host, unless a port with these names
// exists. Hosts of other kinds must exist.
func (b *Backend) Start(ctx context.Context, p *pooldef.Pool) error {
	_, err := b.find(p)
	if _, ok := errors.AsType[*backend.StateError](err); !ok || p.Source.Adapter.Type != "fc_host" {
		return errors.Join(err, ctx.Err())
	}
	parent, err := b.parent(p.Source.Adapter)
	if err != nil {
		return err
	}
	err = b.Host.Change(ctx, b.vportStep(parent, "vport_create", p.Source.Adapter))
	if err == nil {
		err = b.awaitPort(ctx, p)
	}
	if err != nil {
		if at, none := b.find(p); none == nil && at.isVirtual() {
			err = errors.Join(
				err, b.Host.Change(context.WithoutCancel(ctx), b.vportStep(at.parent, "vport_delete", p.Source.Adapter)),
			)
		}
	}
	return err
}

// limit is the wait for a port after the kernel has accepted its names. libvirt also waits a minute for a new
// device (LINUX_NEW_DEVICE_WAIT_TIME of its node_device_driver.h). Tests shorten it.
var limit = time.Minute

// awaitPort waits for a new port. In a dry run it returns immediately.
func (b *Backend) awaitPort(ctx context.Context, p *pooldef.Pool) error {
	for begin := time.Now(); ; {
		_, err := b.find(p)
		if _, dry := b.Host.(*host.DryRun); dry || err == nil || time.Since(begin) > limit {
			if dry {
				return nil
			}
			return err
		}
		if err := host.Sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// Stop implements backend.Starter. It removes a virtual port if the definition says that it is managed or,
// without the attribute, if poolctl created it. It refuses while a unit of the port is in use.
func (b *Backend) Stop(ctx context.Context, p *pooldef.Pool) error {
	at, err := b.find(p)
	switch {
	case errors.As(err, new(*backend.StateError)): // the port has been removed already
		return ctx.Err()
	case err != nil || !at.isVirtual() || isKept(p):
		return errors.Join(err, ctx.Err())
	case p.Source.Adapter.Managed == nil && !p.Started:
		return &backend.StateError{
			Text: fmt.Sprintf("the virtual port host%d was not created by poolctl", at.number),
			Hint: "managed='yes' in the definition's adapter removes it anyway",
		}
	}
	if err := b.Unused(ctx, p, []int{at.number}); err != nil {
		return err
	}
	return b.Host.Change(ctx, b.vportStep(at.parent, "vport_delete", p.Source.Adapter))
}

// vportStep returns the step that creates or deletes a virtual port. The driver determines which of the two
// classes has the file (scsi_fc_transport.rst of the kernel).
func (b *Backend) vportStep(parent int, file string, a *pooldef.Adapter) host.Step {
	path := fmt.Sprintf("class/fc_host/host%d/%s", parent, file)
	if _, err := fs.Stat(b.Host.Sys(), path); err != nil {
		path = fmt.Sprintf("%s/host%d/%s", class, parent, file)
	}
	return host.WriteSys{Path: path, Text: plain(a.WWPN) + ":" + plain(a.WWNN)}
}

// plain returns a world-wide name in the form of the kernel's files.
func plain(wwn string) string { return strings.TrimPrefix(strings.ToLower(wwn), "0x") }

// parent chooses the port on which to create a virtual one: the port that the definition names in one of
// three ways, or else the first port that is online and has capacity for a virtual one.
func (b *Backend) parent(a *pooldef.Adapter) (int, error) {
	ports, err := b.ports()
	if err != nil {
		return 0, err
	}
	named, err := parentNumber(a)
	if err != nil {
		return 0, err
	}
	var why []string
	for _, port := range ports {
		switch {
		case a.ParentName != "" && port.number != named,
			a.ParentName == "" && a.ParentWWNN != "" &&
				(plain(a.ParentWWNN) != port.node || plain(a.ParentWWPN) != port.port),
			a.ParentName == "" && a.ParentWWNN == "" && a.ParentFabricWWN != "" &&
				plain(a.ParentFabricWWN) != port.fabric:
			continue
		case port.refusal() == "":
			return port.number, nil
		}
		why = append(why, fmt.Sprintf("host%d %s", port.number, port.refusal()))
	}
	text := "no Fibre Channel port supports virtual ports"
	if why != nil {
		text = "no virtual port can be created: " + strings.Join(why, ", ")
	}
	return 0, &backend.StateError{Text: text}
}

// parentNumber returns the number of the host that an fc_host names as its parent, or -1 if it names none.
func parentNumber(a *pooldef.Adapter) (int, error) {
	named := (&pooldef.Adapter{Name: a.ParentName}).HostNumber()
	if a.ParentName != "" && named < 0 {
		return 0, pooldef.Problems{{
			Element: "source/adapter/@parent",
			Text:    fmt.Sprintf("%q is not the name of a SCSI host, such as scsi_host5", a.ParentName),
		}}
	}
	return named, nil
}

// A port is a physical Fibre Channel port, as described in /sys/class/fc_host.
type port struct {
	number             int
	node, port, fabric string
	state              string
	used, most         uint64 // number of virtual ports
}

// refusal returns the reason why no virtual port can be created on p, or "".
func (p port) refusal() string {
	switch {
	case p.most == 0:
		return "has no virtual ports"
	case p.used >= p.most:
		return fmt.Sprintf("has its %d virtual ports already", p.most)
	case p.state != "Online":
		return "is " + strings.ToLower(p.state)
	}
	return ""
}

// ports lists the ports, sorted by name. A virtual port has no virtual ports of its own.
func (b *Backend) ports() ([]port, error) {
	sys := b.Host.Sys()
	entries, err := fs.ReadDir(sys, "class/fc_host")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []port
	for _, e := range entries {
		number := (&pooldef.Adapter{Name: e.Name()}).HostNumber()
		if number < 0 {
			continue
		}
		says := func(file string) string { return host.ReadSys(sys, "class/fc_host", e.Name(), file) }
		used, _ := strconv.ParseUint(says("npiv_vports_inuse"), 10, 32)
		most, _ := strconv.ParseUint(says("max_npiv_vports"), 10, 32)
		if most == 0 { // the driver determines the class; see vportStep
			used, _ = strconv.ParseUint(host.ReadSys(sys, class, e.Name(), "npiv_vports_inuse"), 10, 32)
			most, _ = strconv.ParseUint(host.ReadSys(sys, class, e.Name(), "max_npiv_vports"), 10, 32)
		}
		all = append(
			all,
			port{
				number, plain(says("node_name")), plain(says("port_name")), plain(says("fabric_name")),
				says("port_state"), used, most,
			},
		)
	}
	return all, nil
}
