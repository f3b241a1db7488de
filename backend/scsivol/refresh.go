package scsivol

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// settle is the time in which the kernel creates nodes of new units and udev starts to process them. While
// udev is busy, its links may still appear, and Refresh waits up to host.UdevLimit for them. libvirt does the
// same: "udevadm settle", then up to ten seconds for each link (virStorageBackendStablePath). Tests shorten
// it.
var settle = 10 * time.Second

const (
	again = 2 * time.Second        // interval between scans while waiting for units
	pause = 100 * time.Millisecond // interval between looks at /sys
)

// Refresh implements backend.Refresher.
func (u *Units) Refresh(ctx context.Context, p *pooldef.Pool, wait time.Duration) error {
	hosts, err := u.scan(ctx, p)
	if err != nil {
		return err
	}
	begin := time.Now()
	scanned := begin
	for {
		// before the units are listed, so that links which udev has just created are seen
		more := linksMayCome(begin)
		all, err := u.units(p, hosts, "")
		if err != nil {
			return err
		}
		late := slices.DeleteFunc(slices.Clone(all), func(one *unit) bool { return one.path != "" })
		ends := time.Since(begin) >= max(wait, settle) && !more
		switch {
		case len(late) == 0 && (wait == 0 || len(all) > 0), ends && len(late) < len(all):
			return nil
		case ends && len(all) > 0:
			return noPathsError(p, late)
		case ends:
			return &backend.StateError{
				Text: fmt.Sprintf("after %v, %s has no LUNs", wait, names(hosts)),
			}
		}
		if len(all) == 0 && time.Since(scanned) > again {
			scanned = time.Now()
			if _, err := u.scan(ctx, p); err != nil {
				return err
			}
		}
		if err := host.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// linksMayCome reports whether udev is still creating links, within its limit.
func linksMayCome(begin time.Time) bool { return isUdevBusy() && time.Since(begin) < host.UdevLimit }

// isUdevBusy is replaced by tests.
var isUdevBusy = host.IsUdevBusy

func (u *Units) scan(ctx context.Context, p *pooldef.Pool) ([]int, error) {
	hosts, err := u.hosts(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, number := range hosts {
		if err := u.Scan(ctx, number); err != nil {
			return nil, err
		}
	}
	return hosts, nil
}

// noPathsError returns the error that units exist, but have no path below the pool's target. udev does not
// create every kind of link for every host.
func noPathsError(p *pooldef.Pool, units []*unit) error {
	var found []string
	for _, u := range units {
		if u.name != "" {
			found = append(found, u.name)
		}
	}
	if found == nil {
		return &backend.StateError{
			Text: fmt.Sprintf("no driver is bound to its %d LUNs", len(units)),
			Hint: "modprobe -a sd_mod sr_mod",
		}
	}
	return &backend.StateError{
		Text: fmt.Sprintf("no link in %q points to %s", p.Target.Path, strings.Join(found, ", ")),
		Hint: "try another target directory, such as /dev/disk/by-id",
	}
}

func names(hosts []int) string {
	var all []string
	for _, number := range hosts {
		all = append(all, fmt.Sprintf("host%d", number))
	}
	return strings.Join(all, ", ")
}
