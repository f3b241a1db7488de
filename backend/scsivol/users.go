package scsivol

import (
	"context"
	"fmt"
	"slices"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/format/lazy"
	"poolctl/pooldef"
)

// Unused returns an error that names the users if a unit of the hosts is in use. It gives programs that only
// inspect new devices, such as udev, some seconds to finish, and more while udev is busy.
func (u *Units) Unused(ctx context.Context, p *pooldef.Pool, hosts []int) error {
	for begin := time.Now(); ; {
		more := linksMayCome(begin)
		busy, err := u.users(p, hosts)
		if busy == nil || err != nil {
			return err
		}
		if time.Since(begin) > again && !more {
			return busy
		}
		if err := host.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

func (u *Units) users(p *pooldef.Pool, hosts []int) (*backend.BusyError, error) {
	all, err := u.units(p, hosts, "")
	if err != nil {
		return nil, err
	}
	sys := u.Host.Sys()
	busy := &backend.BusyError{Path: p.Target.Path}
	var nodes []string
	for _, one := range all {
		if one.name == "" {
			continue
		}
		name := one.name
		if m := mapOf(sys, name); m != "" { // multipathd holds the unit; the users of the map matter
			name = m
		}
		nodes = append(nodes, "/dev/"+name)
		users, err := u.Host.DeviceUsers("/dev/" + name)
		if err != nil { // the unit has disappeared or cannot be opened, so it cannot be in use
			continue
		}
		for _, user := range users {
			busy.Users = append(busy.Users, fmt.Sprintf("%s (%s: %s)", one.volumeName(), name, user))
		}
	}
	if len(busy.Users) == 0 {
		busy.Users = slices.DeleteFunc(u.Host.OpenBy(nodes...), isInspector)
	}
	if len(busy.Users) == 0 {
		return nil, nil
	}
	return busy, nil
}

// inspectors matches programs that open devices only to inspect them: udev, the programs in its rules, and
// multipathd. They may wait for a device that does not answer.
var inspectors = lazy.Regexp(`\((\(udev-worker\)|systemd-udevd|scsi_id|sg_inq|blkid|multipathd?)\)$`)

func isInspector(process string) bool { return inspectors().MatchString(process) }
