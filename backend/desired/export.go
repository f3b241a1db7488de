package desired

import (
	"context"
	"fmt"
	"path/filepath"

	"poolctl/backend"
	"poolctl/backend/driver"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// An Exported is the declaration of a pool, or the error why there is none.
type Exported struct {
	Pool     string
	Declared *pooldef.Desired
	Warnings []error
	Err      error
}

// Export returns declarations of persistent pools as they are, with which a comparison finds no difference.
// The volumes of a pool that is not active are not known; those of a pool type that cannot make volumes are
// not declared. All pools are asked at the same time.
func Export(ctx context.Context, d *driver.Driver, entries []*store.Entry) ([]Exported, error) {
	isPool, err := targets(d)
	if err != nil {
		return nil, err
	}
	return driver.InParallel(entries, func(entry *store.Entry) Exported {
		x := Exported{Pool: entry.Name}
		own := *d
		own.Warn = func(format string, args ...any) {
			x.Warnings = append(x.Warnings, fmt.Errorf(format, args...))
		}
		x.Declared, x.Err = export(ctx, &own, entry, isPool)
		return x
	}), nil
}

// export returns the declaration of one pool. The volumes at the paths in isPool are the targets of pools.
func export(
	ctx context.Context, d *driver.Driver, entry *store.Entry, isPool map[string]bool,
) (*pooldef.Desired, error) {
	status := d.Status(ctx, entry)
	if status.Err != nil {
		return nil, status.Err
	}
	active, autostart := status.Active, entry.Autostart
	declared := &pooldef.Desired{
		Pool:  entry.Persistent,
		State: pooldef.DesiredState{Active: &active, Autostart: &autostart},
	}
	b, err := d.Backend(status.Pool.Type)
	if _, creates := b.(backend.Creator); err != nil || !active || !creates {
		return declared, err
	}
	for v, err := range d.Details(ctx, b, status.Pool) {
		switch {
		case err != nil:
			return nil, err
		case v.Err != nil:
			d.Warn("volume %q is left out: %w", v.Name, v.Err)
			continue
		case isPool[filepath.Clean(v.Target.Path)]:
			continue
		}
		declared.Volumes = append(declared.Volumes, pooldef.DesiredVolume{Volume: definitionOf(v)})
	}
	return declared, nil
}

// targets returns the directories of all pools.
func targets(d *driver.Driver) (map[string]bool, error) {
	entries, err := d.Store.All()
	all := map[string]bool{}
	for _, entry := range entries {
		if entry.Err == nil && entry.Current().Target.Path != "" {
			all[entry.Current().Target.Path] = true
		}
	}
	return all, err
}

// definitionOf returns the part of a volume that a definition says. A volume that does not have all of its
// space gets a new one that is sparse.
func definitionOf(v *pooldef.Volume) *pooldef.Volume {
	d := &pooldef.Volume{Name: v.Name, Capacity: v.Capacity, Target: pooldef.VolumeTarget{
		Format: v.Target.Format, Encryption: v.Target.Encryption, Compat: v.Target.Compat,
		ClusterSize: v.Target.ClusterSize, Features: v.Target.Features,
		LazyRefcounts: v.Target.LazyRefcounts, ExtendedL2: v.Target.ExtendedL2,
	}}
	if v.Backing != nil {
		d.Backing = &pooldef.VolumeTarget{Path: v.Backing.Path, Format: v.Backing.Format}
	}
	if v.Allocation.Known && v.Allocation.Bytes < v.Capacity.Bytes {
		d.Allocation = pooldef.Bytes(0)
	}
	return d
}
