package scsivol

import (
	"context"
	"fmt"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Unused refuses hosts of which a unit is in use, and tells by whom. What only looks at new devices, as udev does, has some seconds to
// come to its end.
func (u *Units) Unused(ctx context.Context, p *pooldef.Pool) error {
	for begin := time.Now(); ; {
		busy, err := u.users(ctx, p)
		if busy == nil || err != nil {
			return err
		}
		if time.Since(begin) > again {
			return busy
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (u *Units) users(ctx context.Context, p *pooldef.Pool) (*backend.BusyError, error) {
	all, err := u.units(ctx, p, "")
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
	if busy.Users == nil {
		busy.Users = host.Openers(nodes...)
	}
	if busy.Users == nil {
		return nil, nil
	}
	return busy, nil
}
