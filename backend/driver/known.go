package driver

import (
	"context"
	"fmt"

	"poolctl/backend"
	"poolctl/backend/host/safeopen"
	"poolctl/pooldef/store"
)

// Known returns the check whether an image below a volume may be read: only volumes of active pools may.
// [backend.MayRead] has the reason.
func (d *Driver) Known(ctx context.Context, of *Volume) backend.MayRead {
	return func(path string, file *safeopen.Handle) error {
		if exporter, ok := of.Backend.(backend.Exporter); ok {
			path = exporter.ExternalPath(ctx, of.Pool(), path)
		}
		entries, err := d.AllPools()
		if err != nil {
			return err
		}
		pool, name, err := d.poolOf(ctx, entries, path)
		switch {
		case err != nil:
			return err
		case pool == "":
			return unknownImage(fmt.Sprintf("%q is not in an active pool", path))
		case file == nil: // an image in a Ceph cluster
			return nil
		}
		return d.checkSameFile(ctx, entries, pool, name, file)
	}
}

// checkSameFile returns an error if an open file is not the volume of a pool that its path names.
func (d *Driver) checkSameFile(
	ctx context.Context, entries []*store.Entry, pool, name string, file *safeopen.Handle,
) error {
	for _, entry := range entries {
		if entry.Name != pool {
			continue
		}
		p := entry.Current()
		find := d.Backends[p.Type].Volume
		if exporter, ok := d.Backends[p.Type].(backend.Exporter); ok {
			find = exporter.Export
		}
		v, err := find(ctx, p, name)
		if err != nil {
			return err
		}
		volume, err := safeopen.OpenPath(v.Target.Path)
		if err != nil {
			return err
		}
		defer volume.Close()
		if !volume.IsSame(file) {
			return unknownImage(fmt.Sprintf("%q is not the volume %q of pool %q", file.Path, name, pool))
		}
	}
	return nil
}

// unknownImage returns the error for an image that may not be read.
func unknownImage(text string) error {
	return &backend.StateError{Text: text, Hint: "a guest can write any header into its disk: " +
		"if the image is the right one, define a pool of its directory and start it"}
}
