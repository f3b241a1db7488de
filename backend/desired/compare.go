package desired

import (
	"context"
	"errors"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/driver"
	"poolctl/format"
	"poolctl/pooldef"
)

// compare compares a declared volume with the one that exists, which may be nil.
func (l *lentPool) compare(n *node, have *pooldef.Volume) step {
	v := n.volume
	switch {
	case v.Absent && have == nil:
		return step{}
	case v.Absent:
		c := &Change{Action: Delete, From: describe(&pooldef.DesiredVolume{Volume: have})}
		if !l.Delete {
			c.Needs = "--delete"
			return step{changes: []*Change{c}}
		}
		return step{changes: []*Change{c}, do: func(ctx context.Context) error {
			volume := &driver.Volume{Volume: have, Entry: l.entry, Backend: l.b}
			err := l.Driver.DeleteVolume(ctx, volume, driver.DeleteOptions{})
			if errors.Is(err, backend.ErrNoVolume) { // another process was faster
				return nil
			}
			return err
		}}
	case have == nil:
		n.pending = !l.apply || l.Driver.DryRun
		c := &Change{Action: Create, To: describe(v)}
		if c.Err = l.checkCreates(v); c.Err != nil {
			return step{changes: []*Change{c}}
		}
		return step{changes: []*Change{c}, do: func(ctx context.Context) error { return l.create(ctx, n) }}
	case have.Err != nil:
		return step{changes: []*Change{{Action: Compare, Err: have.Err}}}
	}
	return l.compareExisting(v, have)
}

// checkCreates returns an error unless the pool's backend can create a declared volume.
func (l *lentPool) checkCreates(v *pooldef.DesiredVolume) (err error) {
	if v.Source == nil {
		_, err = backend.As[backend.Creator](l.b, l.pool().Type, "volume creation")
	} else {
		_, err = backend.As[backend.Cloner](l.b, l.pool().Type, "creating volumes from others")
	}
	return err
}

// compareExisting compares a declared volume with the one that exists.
func (l *lentPool) compareExisting(v *pooldef.DesiredVolume, have *pooldef.Volume) step {
	found := l.Driver.Differences(l.ctx, l.pool(), have, v.Volume, v.Source != nil)
	if d := l.backingDifference(v, have); d != nil {
		found = append(found, *d)
	}
	var s step
	for _, d := range found {
		c := &Change{Action: Replace, Field: d.Field, From: d.Have, To: d.Want, Err: &UnchangeableError{}}
		if d.Field == "capacity" {
			c.From, c.To = format.HumanSize(have.Capacity.Bytes), format.HumanSize(v.Capacity.Bytes)
		}
		if d.Field == "capacity" && have.Capacity.Bytes < v.Capacity.Bytes && len(found) == 1 {
			c.Action, c.Err = Resize, nil
			s.do = func(ctx context.Context) error {
				volume := &driver.Volume{Volume: have, Entry: l.entry, Backend: l.b}
				return l.Driver.ResizeVolume(ctx, volume, v.Capacity.Bytes, backend.ResizeOptions{}, false)
			}
		}
		s.changes = append(s.changes, c)
	}
	return s
}

// describe returns a volume's format and capacity for people.
func describe(v *pooldef.DesiredVolume) string {
	parts := []string{v.Target.Format, ""}
	if v.Capacity.Known {
		parts[1] = format.HumanSize(v.Capacity.Bytes)
	}
	parts = slices.DeleteFunc(parts, func(part string) bool { return part == "" || part == "none" })
	return strings.Join(parts, ", ")
}
