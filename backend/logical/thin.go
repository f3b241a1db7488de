package logical

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"poolctl/backend"
	"poolctl/backend/check"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// thinPool queries the thin pool that the definition names.
func (b *Backend) thinPool(ctx context.Context, p *pooldef.Pool) (*logicalVolume, error) {
	vg, err := group(p)
	if err != nil {
		return nil, err
	}
	rows, err := b.segments(ctx, p, "lv_name,lv_size,lv_attr,segtype,data_percent", "--", vg+"/"+p.ThinPool)
	if host.StderrContains(err, "Failed to find logical volume") {
		rows, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	return thinPoolOf(p, rows)
}

// thinPoolOf finds the thin pool that the definition names among a group's volumes.
func thinPoolOf(p *pooldef.Pool, all []*logicalVolume) (*logicalVolume, error) {
	i := slices.IndexFunc(all, func(v *logicalVolume) bool { return v.Name == p.ThinPool })
	switch {
	case i < 0:
		return nil, &backend.StateError{
			Text: fmt.Sprintf("the volume group %q has no thin pool %q", p.Source.Name, p.ThinPool),
			Hint: "lvcreate --type thin-pool -L SIZE -n " + p.ThinPool + " " + p.Source.Name,
		}
	case all[i].Type != "thin-pool":
		return nil, &backend.StateError{
			Text: fmt.Sprintf(
				"%q in the volume group %q is not a thin pool but %s", p.ThinPool, p.Source.Name, all[i].Type,
			),
		}
	}
	return all[i], nil
}

// activeThinPool returns the thin pool that the definition names, or an error if it is not active.
func activeThinPool(p *pooldef.Pool, all []*logicalVolume) (*logicalVolume, error) {
	pool, err := thinPoolOf(p, all)
	if err == nil {
		err = checkActive(p, pool)
	}
	return pool, err
}

// used returns the used space of a thin volume or thin pool in bytes, and false if it is inactive.
func (v *logicalVolume) used() (uint64, bool) {
	return uint64(float64(v.Size) * max(v.Percent, 0) / 100), v.Percent >= 0
}

// thinSpace queries the space of the thin pool that the definition names.
func (b *Backend) thinSpace(ctx context.Context, p *pooldef.Pool) (pooldef.Space, error) {
	pool, err := b.thinPool(ctx, p)
	if err != nil {
		return pooldef.Space{}, err
	}
	return thinSpaceOf(p, []*logicalVolume{pool})
}

// thinSpaceOf returns the space of the thin pool that the definition names, which is one of a group's
// volumes.
func thinSpaceOf(p *pooldef.Pool, all []*logicalVolume) (pooldef.Space, error) {
	pool, err := thinPoolOf(p, all)
	if err != nil {
		return pooldef.Space{}, err
	}
	used, active := pool.used()
	if pool.isFailed() {
		return pooldef.Space{}, &check.Error{ID: "thin-data", Err: &backend.StateError{
			Text: fmt.Sprintf("the thin pool %q has failed", p.Source.Name+"/"+p.ThinPool),
			Hint: "lvs -a -o +lv_health_status " + p.Source.Name,
		}}
	}
	if !active {
		unknown := &backend.AnswerError{Tool: "lvs", Field: "data_percent"}
		return pooldef.Space{}, cmp.Or(checkActive(p, pool), error(unknown))
	}
	size := pool.Size
	return pooldef.Space{Capacity: size, Allocation: min(used, size), Available: size - min(used, size)}, nil
}

// thin returns the command that creates a thin volume. A new thin volume reads as zeros.
func thin(p *pooldef.Pool, size uint64) host.Command {
	return host.Cmd(
		"lvcreate",
		slices.Concat(
			[]string{"--type", "thin", "--thinpool", p.ThinPool}, sizeOption("--virtualsize", size),
			[]string{"--", p.Source.Name},
		)...,
	)
}

// thinSnapshot returns the command that creates a snapshot of a thin volume in the same thin pool. Without
// --setactivationskip n, the snapshot would not be active.
func thinSnapshot(p *pooldef.Pool, origin string) host.Command {
	return host.Cmd("lvcreate", "--snapshot", "--setactivationskip", "n", "--", p.Source.Name+"/"+origin)
}

// blank returns the command that creates an empty volume: thin if the definition names a thin pool, linear
// otherwise.
func blank(p *pooldef.Pool, all []*logicalVolume, size uint64) (create host.Command, isThin bool, err error) {
	if p.ThinPool == "" {
		return linear(p, size), false, nil
	}
	_, err = activeThinPool(p, all)
	return thin(p, size), true, err
}

// checkSpaceToWrite returns an error if the thin pool has too little space to write all of a thin volume.
// Writing would exhaust the thin pool for all its volumes.
func checkSpaceToWrite(v *logicalVolume, all []*logicalVolume) error {
	i := slices.IndexFunc(all, func(pool *logicalVolume) bool { return pool.Name == v.Pool })
	if !v.isThin() || i < 0 {
		return nil
	}
	taken, _ := v.used()
	used, _ := all[i].used()
	need, free := v.Size-min(taken, v.Size), all[i].Size-min(used, all[i].Size)
	if need <= free {
		return nil
	}
	return &backend.StateError{
		Text: fmt.Sprintf(
			"writing all of it needs %d bytes of the thin pool %q, which has %d", need, v.Pool, free,
		),
		Hint: "--algorithm trim frees its space",
	}
}
