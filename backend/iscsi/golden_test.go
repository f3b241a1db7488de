package iscsi

import (
	"os"
	"regexp"
	"testing"

	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// numbers matches numbers that the kernel assigns.
var numbers = regexp.MustCompile(`(--sid |scsi/devices/|scsi_host/host)\d+`)

// ready waits until the links to a pool's units exist and udev has finished. Otherwise the number of queries
// and the users of a device would differ between runs.
func ready(t *testing.T, g *backendtest.Golden, p *pooldef.Pool) {
	t.Helper()
	if g.Live() {
		ok(t, newBackend(nil).Refresh(t.Context(), p, far))
		backendtest.Change(t, host.Cmd("udevadm", "settle"))
	}
}

// TestGolden records every change of the machine.
func TestGolden(t *testing.T) {
	g := backendtest.NewReplayed(t, "operations", os.Getenv("POOLCTL_LAB") != "")
	p := definition(chap, pooldef.Host{Name: "127.0.0.1"})
	if g.Live() {
		p = newPool(t, chap)
		g.Snapshot = func() string { return state(t) }
	}
	p.UUID = "00000000-0000-4000-8000-000000000001"
	p.Source.Initiator = "iqn.2026-01.lab:other"
	p.Source.Auth = &pooldef.Auth{Type: "chap", Username: "guest", Secret: pooldef.SecretRef{UUID: "wrong"}}
	g.Clean = func(text string) string {
		return numbers.ReplaceAllString(text, "${1}N")
	}
	does := func(title string, op func(b *Backend) error) {
		t.Helper()
		g.Do(title, func(h host.Host) error { return op(New(h, secrets, far)) })
	}
	does("start with a wrong secret", func(b *Backend) error { return b.Start(t.Context(), p) })
	p.Source.Auth.Secret.UUID = "guest"
	does("start", func(b *Backend) error { return b.Start(t.Context(), p) })
	p.Started = true
	ready(t, g, p)
	does("refresh", func(b *Backend) error { return b.Refresh(t.Context(), p, 0) })
	does("list", func(b *Backend) error {
		for _, err := range b.Details(t.Context(), p) {
			if err != nil {
				return err
			}
		}
		return nil
	})
	does("wipe", func(b *Backend) error { return b.Wipe(t.Context(), p, "unit:0:0:1", "zero", nil) })
	ready(t, g, p)
	does("stop", func(b *Backend) error { return b.Stop(t.Context(), p) })
	p.Source.Auth, p.Source.Initiator = nil, ""
	p.Source.Devices[0].Path = disks
	does("find sources", func(b *Backend) error {
		_, err := b.Discover(t.Context(), &p.Source)
		return err
	})
	does("start without a secret", func(b *Backend) error { return b.Start(t.Context(), p) })
	ready(t, g, p)
	does("stop it", func(b *Backend) error { return b.Stop(t.Context(), p) })
	g.End()
}
