package iscsi

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// directPool returns an iscsi-direct pool of the lab's target.
func directPool(t *testing.T, iqn string, hosts ...pooldef.Host) *pooldef.Pool {
	t.Helper()
	p := newPool(t, iqn, hosts...)
	p.Type, p.Target.Path, p.Source.Initiator = pooldef.ISCSIDirect, "", "iqn.2026-01.lab:direct"
	return p
}

func newDirect() *Direct { return NewDirect(&host.Local{}, secrets, far) }

func volumes(t *testing.T, p *pooldef.Pool) string {
	t.Helper()
	var text strings.Builder
	for v, err := range newDirect().Volumes(t.Context(), p) {
		if err != nil {
			return err.Error()
		}
		fmt.Fprintln(&text, v.Type, v.Name, v.Key, v.Target.Path, v.Capacity.Bytes, v.Allocation.Bytes)
	}
	return text.String()
}

func TestDirectConformance(t *testing.T) {
	backendtest.NeedsLab(t, "iSCSI targets")
	backendtest.Run(t, backendtest.Options{
		New:      func(h host.Host) backend.Backend { return NewDirect(h, nil, far) },
		Pool:     func(t *testing.T) *pooldef.Pool { return directPool(t, disks) },
		Existing: 2,
		Slow:     true, Cached: true,
		Snapshot: func(t *testing.T, p *pooldef.Pool) string { return state(t) },
	})
}

// TestDirect checks the units' names, which are libvirt's, and their sizes.
func TestDirect(t *testing.T) {
	for _, at := range []struct{ host, shown string }{{"127.0.0.1", "127.0.0.1:3260"}, {"::1", "[::1]:3260"}} {
		path := "ip-" + at.shown + "-iscsi-" + disks + "-lun-"
		expect(t, at.host, volumes(t, directPool(t, disks, pooldef.Host{Name: at.host})),
			"network unit:0:0:1 "+path+"1 "+path+"1 67108864 67108864\nnetwork unit:0:0:2 "+path+"2 "+path+
				"2 33554432 33554432\n")
	}
	p := directPool(t, disks, pooldef.Host{Name: "127.0.0.1", Port: 3999}, pooldef.Host{Name: "127.0.0.1"})
	if text := volumes(t, p); strings.Count(text, "\n") != 2 {
		t.Errorf("from the second portal: %s", text)
	}
	expect(t, "no such target", volumes(t, directPool(t, "iqn.2026-01.lab:none")),
		"the server 127.0.0.1:3260 refuses the login to iqn.2026-01.lab:none: no such target")
	if found, err := newDirect().Discover(t.Context(), &p.Source); err == nil {
		t.Errorf("found %+v", found)
	}
	p.Source.Hosts = p.Source.Hosts[1:]
	found, err := newDirect().Discover(t.Context(), &p.Source)
	if err != nil || len(found) != 2 || found[0].Devices[0].Path+found[1].Devices[0].Path != chap+disks &&
		found[0].Devices[0].Path+found[1].Devices[0].Path != disks+chap {
		t.Errorf("found %+v, error %v", found, err)
	}
}

// TestDirectTotal checks that an overflow of the units' total size is an error.
func TestDirectTotal(t *testing.T) {
	for want, sizes := range map[uint64][]uint64{
		0:              {math.MaxUint64, 1},
		3:              {1, 2},
		math.MaxUint64: {math.MaxUint64 - 1, 1},
	} {
		space, err := total(func(yield func(*pooldef.Volume, error) bool) {
			for _, size := range sizes {
				if !yield(&pooldef.Volume{Capacity: pooldef.Bytes(size)}, nil) {
					return
				}
			}
		})
		if (err != nil) != (want == 0) || space.Capacity != want || space.Allocation != want {
			t.Errorf("%d: %+v, error %v", sizes, space, err)
		}
	}
}

// chapAuth returns a login as guest. If mutual is not empty, the target must prove to be host with that
// secret.
func chapAuth(secret, mutual string) *pooldef.Auth {
	a := &pooldef.Auth{Type: "chap", Username: "guest", Secret: pooldef.SecretRef{UUID: secret}}
	if mutual != "" {
		a.Mutual = &pooldef.Login{Username: "host", Secret: pooldef.SecretRef{UUID: mutual}}
	}
	return a
}

// TestDirectCHAP logs in with secrets.
func TestDirectCHAP(t *testing.T) {
	const refused = "the server 127.0.0.1:3260 refuses the login to iqn.2026-01.lab:chap: wrong user " +
		"or secret, or CHAP login required"
	p := directPool(t, chap)
	path := "ip-127.0.0.1:3260-iscsi-" + chap + "-lun-1"
	works := "network unit:0:0:1 " + path + " " + path + " 67108864 67108864\n"
	for _, test := range []struct {
		auth *pooldef.Auth
		want string
	}{
		{nil, refused},
		{chapAuth("wrong", ""), refused},
		{chapAuth("guest", ""), works},
		{chapAuth("guest", "host"), works},
		{chapAuth("guest", "wrong"),
			"the server 127.0.0.1:3260: the target does not know its own secret (mutual CHAP)"},
		{chapAuth("guest", "guest"),
			"the target's secret equals the initiator's: mutual CHAP requires different secrets"},
		{chapAuth("none", ""), pooldef.ErrNoSecret.Error()},
	} {
		p.Source.Auth = test.auth
		expect(t, fmt.Sprintf("%+v", test.auth), volumes(t, p), test.want)
	}
}

// TestDirectSilent uses a server that accepts connections and then does not answer.
func TestDirectSilent(t *testing.T) {
	p := directPool(t, disks)
	backendtest.Pause(t, tgtd()...)
	d := NewDirect(&host.Local{}, nil, time.Second)
	_, err := d.Space(t.Context(), p)
	if _, ok := errors.AsType[*backend.TimeoutError](err); !ok {
		t.Errorf("error %v", err)
	}
}
