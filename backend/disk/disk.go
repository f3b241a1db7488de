// Package disk manages pools whose volumes are the partitions of a disk.
//
// libparted knows all of libvirt's labels, and parted(8) asks and changes; what the kernel makes of it is seen in /sys. A partition's
// room is got ready before the partition is there: for that time the kernel is told of a partition that stands in no table (stage.go).
package disk

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"poolctl/backend"
	"poolctl/backend/blockvol"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Backend manages pools of type disk. Starting one changes nothing.
type Backend struct {
	blockvol.Devices
	timeout time.Duration
}

// New returns the backend. Who wants to change a disk waits for others who do as long as timeout.
func New(h host.Host, s backend.Secrets, timeout time.Duration) *Backend {
	b := &Backend{blockvol.Devices{Host: h, Secrets: s}, timeout}
	b.Find = b.withData
	return b
}

// Active implements backend.Backend: the disk is there, with a label of the pool's format.
func (b *Backend) Active(ctx context.Context, p *pooldef.Pool) (bool, error) {
	_, err := b.table(ctx, p)
	content, unsupported := (*backend.ContentError)(nil), (*backend.UnsupportedError)(nil)
	if errors.Is(err, fs.ErrNotExist) || errors.As(err, &content) || errors.As(err, &unsupported) {
		return false, nil
	}
	return err == nil, err
}

// Space implements backend.Backend, as libvirt counts: the capacity is where the last partition or free extent ends.
func (b *Backend) Space(ctx context.Context, p *pooldef.Pool) (pooldef.Space, error) {
	t, err := b.table(ctx, p)
	if err != nil {
		return pooldef.Space{}, err
	}
	var s pooldef.Space
	for _, x := range t.partitions {
		s.Capacity = max(s.Capacity, x.end)
		if x.kind != extended {
			s.Allocation += x.end - x.start
		}
	}
	for _, x := range t.free {
		s.Capacity = max(s.Capacity, x.end)
		s.Available += x.end - x.start
	}
	return s, nil
}

// ReadStatus implements backend.Observer: it tells the free extents. As with libvirt none begins at 0.
func (b *Backend) ReadStatus(ctx context.Context, p *pooldef.Pool) (*pooldef.Pool, error) {
	t, err := b.table(ctx, p)
	if err != nil {
		return nil, err
	}
	seen := *p
	seen.Source.Devices = slices.Clone(p.Source.Devices)
	seen.Source.Devices[0].FreeExtents = nil
	for _, x := range t.free {
		seen.Source.Devices[0].FreeExtents = append(seen.Source.Devices[0].FreeExtents, pooldef.FreeExtent{Start: max(x.start, sector), End: x.end})
	}
	return &seen, nil
}
