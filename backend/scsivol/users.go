package scsivol

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Unused refuses hosts of which a unit is in use, and tells by whom. What only looks at new devices, as udev does, has some seconds to
// come to its end, and longer while udev is busy.
func (u *Units) Unused(ctx context.Context, p *pooldef.Pool, hosts []int) error {
	for begin := time.Now(); ; {
		more := mayCome(begin)
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
		if m := mapOf(sys, name); m != "" { // multipathd has the unit; who has the map is what matters
			name = m
		}
		nodes = append(nodes, "/dev/"+name)
		users, err := u.Host.DeviceUsers("/dev/" + name)
		if err != nil { // it has gone, or cannot be opened: nobody can have begun to use it
			continue
		}
		for _, user := range users {
			busy.Users = append(busy.Users, fmt.Sprintf("%s (%s: %s)", one.volumeName(), name, user))
		}
	}
	if len(busy.Users) == 0 {
		busy.Users = slices.DeleteFunc(u.Host.OpenBy(nodes...), onlyLooks)
	}
	if len(busy.Users) == 0 {
		return nil, nil
	}
	return busy, nil
}

// looks are the programs that have devices open only to see how they are: udev's and what its rules run, and multipathd. They may wait for
// a device that does not answer.
var looks = regexp.MustCompile(`\((\(udev-worker\)|systemd-udevd|scsi_id|sg_inq|blkid|multipathd?)\)$`)

func onlyLooks(process string) bool { return looks.MatchString(process) }
