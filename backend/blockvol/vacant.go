package blockvol

import (
	"context"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Sources are the paths of the devices that a pool's definition names.
func Sources(p *pooldef.Pool) []string {
	var devices []string
	for _, d := range p.Source.Devices {
		devices = append(devices, d.Path)
	}
	return devices
}

// Vacant refuses a pool's source devices if one is in use or, unless that is to be overwritten, holds anything. It returns those that hold
// something.
func (d Devices) Vacant(ctx context.Context, p *pooldef.Pool, overwrite bool) (full []string, err error) {
	for _, path := range Sources(p) {
		found, err := host.Signatures(ctx, d.Host, path)
		if err != nil {
			return nil, err
		}
		users, err := d.Host.DeviceUsers(path)
		switch {
		case err != nil:
			return nil, err
		case len(users) > 0:
			return nil, &backend.BusyError{Path: path, Users: users}
		case len(found) == 0:
			continue
		case !overwrite:
			return nil, &backend.ContentError{Pool: p.Name, Device: path, Holds: host.Words(found)}
		}
		full = append(full, path)
	}
	return full, nil
}

// Users tells who has a volume's device, in words: other devices, mounts and swap, or else processes. It may be none of ours to see.
func (d Devices) Users(path string) []string {
	if users, err := d.Host.DeviceUsers(path); err == nil && len(users) > 0 {
		return users
	}
	return d.Host.OpenBy(path)
}
