package scsi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// A fabric is a host with simulated Fibre Channel ports, as the kernel's scsi_transport_fc shows them
// (Documentation/scsi/scsi_fc_transport.rst). Writes to vport_create and vport_delete take effect.
type fabric struct {
	*backendtest.SysTree
	host.Host
	ignore bool // accepts the names, but creates no port
}

func newFabric(t *testing.T) *fabric {
	s := backendtest.NewSysTree(t)
	return &fabric{SysTree: s, Host: &host.Local{Root: s.Root}}
}

const hba = "devices/pci0000:00/0000:05:00.1"

// port creates a port. A virtual port is below its parent.
func (f *fabric) port(number, parent int, node, port string, most int) {
	name, dir := fmt.Sprintf("host%d", number), hba
	if parent >= 0 {
		dir = fmt.Sprintf("%s/host%d/vport-%d:0-0", hba, parent, parent)
	}
	f.SysTree.Host(dir, number, "0")
	class := fmt.Sprintf("%s/%s/fc_host/%s", dir, name, name)
	f.Write(
		class,
		map[string]string{
			"node_name": "0x" + node + "\n", "port_name": "0x" + port + "\n", "port_state": "Online\n",
			"fabric_name": "0x2001000dec9877c1\n", "npiv_vports_inuse": "0\n",
			"max_npiv_vports": fmt.Sprintf("%d\n", most),
		},
	)
	if most > 0 {
		f.Write(class, map[string]string{"vport_create": "", "vport_delete": ""})
	}
	f.Link("class/fc_host/"+name, class)
}

// Change applies a step, and does what the kernel would do.
func (f *fabric) Change(ctx context.Context, step host.Step) error {
	if err := f.Host.Change(ctx, step); err != nil {
		return err
	}
	w, ok := step.(host.WriteSys)
	if !ok || f.ignore {
		return nil
	}
	port, node, _ := strings.Cut(w.Text, ":")
	var parent int
	if _, err := fmt.Sscanf(w.Path, "class/fc_host/host%d/", &parent); err != nil {
		return err
	}
	switch filepath.Base(w.Path) {
	case "vport_create":
		f.port(9, parent, node, port, 0)
		f.Unit("9:0:0:1", "0", "sdx", 200, 2048, "")
	case "vport_delete":
		f.Remove("class/fc_host/host9")
		f.Remove("class/scsi_host/host9")
		f.Remove("bus/scsi/devices/9:0:0:1")
	}
	return nil
}

const (
	wwnn = "2001001b32a9da4e"
	wwpn = "2101001b32a9da4e"
)

func virtual(change func(a *pooldef.Adapter)) *pooldef.Pool {
	a := &pooldef.Adapter{Type: "fc_host", WWNN: "0x2001001B32A9DA4E", WWPN: wwpn}
	change(a)
	return pool(a)
}

// TestVirtualPort creates and removes a port.
func TestVirtualPort(t *testing.T) {
	f := newFabric(t)
	f.port(5, -1, "20000000c9831b4b", "10000000c9831b4b", 127)
	var trace strings.Builder
	b := New(host.NewTrace(f, &trace), nil)
	p := virtual(func(*pooldef.Adapter) {})
	active := func(want bool) {
		t.Helper()
		if is, err := b.Active(t.Context(), p); is != want || err != nil {
			t.Errorf("active %v, error %v", is, err)
		}
	}
	active(false)
	ok(t, b.Start(t.Context(), p))
	p.Started = true
	active(true)
	for v, err := range b.Volumes(t.Context(), p) {
		if ok(t, err); v.Name != "unit:0:0:1" {
			t.Errorf("got %+v", v)
		}
	}
	ok(t, b.Start(t.Context(), p)) // libvirt refuses an existing port
	ok(t, b.Stop(t.Context(), p))
	active(false)
	ok(t, b.Stop(t.Context(), p)) // already removed
	want := "+ echo 2101001b32a9da4e:2001001b32a9da4e >/sys/class/fc_host/host5/vport_create\n" +
		"+ echo 2101001b32a9da4e:2001001b32a9da4e >/sys/class/fc_host/host5/vport_delete\n"
	if trace.String() != want {
		t.Errorf("changes:\n%s", trace.String())
	}
	var dry strings.Builder
	ok(t, New(host.NewDryRun(f, &dry), nil).Start(t.Context(), p))
	if want, _, _ := strings.Cut(strings.ReplaceAll(want, "+ ", ""), "\n"); dry.String() != want+"\n" {
		t.Errorf("a dry run prints %s", dry.String())
	}
	active(false)
}

// TestNotOurs uses ports that poolctl did not create.
func TestNotOurs(t *testing.T) {
	yes, no := true, false
	for _, test := range []struct {
		name                   string
		managed                *bool
		started                bool
		active, stops, removed bool
	}{
		{"nothing is said", nil, false, true, false, false},
		{"nothing is said, and poolctl has made it", nil, true, true, true, true},
		{"it is managed", &yes, false, true, true, true},
		{"it is not", &no, false, false, true, false},
		{"it is not, but started", &no, true, true, true, false},
	} {
		f := newFabric(t)
		f.port(5, -1, "20000000c9831b4b", "10000000c9831b4b", 127)
		f.port(9, 5, wwnn, wwpn, 0)
		b := New(f, nil)
		p := virtual(func(a *pooldef.Adapter) { a.Managed = test.managed })
		p.Started = test.started
		if active, err := b.Active(t.Context(), p); active != test.active || err != nil {
			t.Errorf("%s: active %v, error %v", test.name, active, err)
		}
		if err := b.Stop(t.Context(), p); (err == nil) != test.stops {
			t.Errorf("%s: stopped with error %v", test.name, err)
		}
		if _, _, there := f.FCHost(wwnn, wwpn); there == test.removed {
			t.Errorf("%s: the port exists: %v", test.name, there)
		}
	}
	f := newFabric(t) // a physical port
	f.port(5, -1, wwnn, wwpn, 127)
	p := virtual(func(a *pooldef.Adapter) { a.Managed = &yes })
	if active, err := New(f, nil).Active(t.Context(), p); active || err != nil {
		t.Errorf("a physical port: active %v, error %v", active, err)
	}
	ok(t, New(f, nil).Stop(t.Context(), p))
}

// TestParent chooses the port on which to create a virtual port.
func TestParent(t *testing.T) {
	f := newFabric(t)
	f.port(2, -1, "20000000c9831b42", "10000000c9831b42", 0)
	f.port(3, -1, "20000000c9831b43", "10000000c9831b43", 63)
	f.port(4, -1, "20000000c9831b44", "10000000c9831b44", 63)
	f.port(5, -1, "20000000c9831b45", "10000000c9831b45", 63)
	f.port(6, -1, "20000000c9831b46", "10000000c9831b46", 63)
	f.Write(hba+"/host3/fc_host/host3", map[string]string{"npiv_vports_inuse": "63\n"})
	f.Write(hba+"/host4/fc_host/host4", map[string]string{"port_state": "Linkdown\n"})
	f.Write(hba+"/host6/fc_host/host6", map[string]string{"fabric_name": "0x2001000dec9877c6\n"})
	b := New(f, nil)
	for _, test := range []struct {
		change func(a *pooldef.Adapter)
		want   string
	}{
		{func(*pooldef.Adapter) {}, "5"},
		{func(a *pooldef.Adapter) { a.ParentName = "scsi_host6" }, "6"},
		{func(a *pooldef.Adapter) { a.ParentWWNN, a.ParentWWPN = "0x20000000C9831B46", "10000000c9831b46" }, "6"},
		{func(a *pooldef.Adapter) { a.ParentFabricWWN = "2001000dec9877c6" }, "6"},
		{func(a *pooldef.Adapter) { a.ParentName = "host2" },
			"no virtual port can be created: host2 has no virtual ports"},
		{func(a *pooldef.Adapter) { a.ParentName = "host3" },
			"no virtual port can be created: host3 has its 63 virtual ports already"},
		{func(a *pooldef.Adapter) { a.ParentName = "host4" }, "no virtual port can be created: host4 is linkdown"},
		{func(a *pooldef.Adapter) { a.ParentName = "host7" }, "no Fibre Channel port supports virtual ports"},
		{func(a *pooldef.Adapter) { a.ParentFabricWWN = "1111111111111111" },
			"no Fibre Channel port supports virtual ports"},
		{func(a *pooldef.Adapter) { a.ParentName = "x" },
			`source/adapter/@parent: "x" is not the name of a SCSI host, such as scsi_host5`},
	} {
		parent, err := b.parent(virtual(test.change).Source.Adapter)
		got := fmt.Sprint(parent)
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

// TestPortDoesNotCome uses a kernel that accepts the names but creates no port.
func TestPortDoesNotCome(t *testing.T) {
	defer func(usual time.Duration) { limit = usual }(limit)
	limit = 100 * time.Millisecond
	f := newFabric(t)
	f.ignore = true
	f.port(5, -1, "20000000c9831b4b", "10000000c9831b4b", 127)
	err := New(f, nil).Start(t.Context(), virtual(func(*pooldef.Adapter) {}))
	if _, ok := errors.AsType[*backend.StateError](err); !ok {
		t.Errorf("error %v", err)
	}
	if text, _ := os.ReadFile(f.Root + "/sys/class/fc_host/host5/vport_delete"); len(text) > 0 {
		t.Errorf("deleted a port that was not created: %s", text)
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
