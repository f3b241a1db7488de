// Package drivertest connects the driver with the conformance suite, so that the suite tests what a move does
// with two backends.
package drivertest

import (
	"context"

	"poolctl/backend"
	"poolctl/backend/dir"
	"poolctl/backend/driver"
	"poolctl/backend/host"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// Move implements backendtest.Options.Move.
func Move(
	ctx context.Context, h host.Host, newBackend func(host.Host) backend.Backend, from, to *pooldef.Pool,
) error {
	backends := func(h host.Host) map[pooldef.Type]backend.Backend {
		all := map[pooldef.Type]backend.Backend{from.Type: newBackend(h), to.Type: newBackend(h)}
		all[pooldef.Dir] = dir.New(h, nil)
		return all
	}
	d := &driver.Driver{
		Store: &store.Store{}, Host: h, Backends: backends(h), NewBackends: backends,
		Warn: func(string, ...any) {},
	}
	b := d.Backends[from.Type]
	v, err := b.Volume(ctx, from, "v")
	if err != nil {
		return err
	}
	source := &driver.Volume{
		Volume: v, Backend: b, Unlock: func() {},
		Entry: &store.Entry{Name: from.Name, Persistent: from, Started: from},
	}
	_, err = d.MoveVolume(
		ctx, source, driver.Destination{Pool: to, Backend: d.Backends[to.Type], Name: "v"}, nil,
	)
	return err
}
