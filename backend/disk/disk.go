// Package disk manages pools of type disk: the pool is a disk with a partition table, and its volumes are the
// partitions.
//
// parted(8) reads and changes the table, because libparted supports all of libvirt's labels. Listings read
// GPT and DOS labels from the disk themselves, if the kernel has the same partitions (label.go). /sys shows
// which partitions the kernel has. Each change locks the disk, which keeps out other poolctl processes and
// udev (https://systemd.io/BLOCK_DEVICE_LOCKING).
//
// A new partition's space is cleared or filled before the partition appears in the table. For this time, the
// kernel has a temporary partition that is not in the table (temp.go).
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

// Backend manages pools of type disk. Starting and stopping a pool changes nothing.
type Backend struct {
	blockvol.Devices
	timeout time.Duration
}

// New returns the backend. timeout limits the wait for other programs that change the disk.
func New(h host.Host, s backend.Secrets, timeout time.Duration) *Backend {
	b := &Backend{blockvol.Devices{Host: h, Secrets: s}, timeout}
	b.Find = b.transferableVolume
	return b
}

// Dependencies implements backend.Dependent.
func (*Backend) Dependencies(p *pooldef.Pool) backend.Dependencies {
	return backend.Dependencies{Devices: blockvol.Sources(p)}
}

// Active implements backend.Backend. A pool is active if its disk exists and has a label of the pool's
// format.
func (b *Backend) Active(ctx context.Context, p *pooldef.Pool) (bool, error) {
	_, err := b.tableBy(ctx, p, b.labelled)
	if errors.Is(err, fs.ErrNotExist) || errors.As(err, new(*backend.ContentError)) ||
		errors.As(err, new(*backend.UnsupportedError)) {
		return false, nil
	}
	return err == nil, err
}

// Space implements backend.Backend. As in libvirt, the capacity is the end of the last partition or free
// extent.
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

// ReadStatus implements backend.StatusReader. It adds the free extents. As in libvirt, no extent begins at 0.
func (b *Backend) ReadStatus(ctx context.Context, p *pooldef.Pool) (*pooldef.Pool, error) {
	t, err := b.table(ctx, p)
	if err != nil {
		return nil, err
	}
	seen := *p
	seen.Source.Devices = slices.Clone(p.Source.Devices)
	seen.Source.Devices[0].FreeExtents = nil
	for _, x := range t.free {
		seen.Source.Devices[0].FreeExtents = append(
			seen.Source.Devices[0].FreeExtents, pooldef.FreeExtent{Start: max(x.start, sector), End: x.end},
		)
	}
	return &seen, nil
}
