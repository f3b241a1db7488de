package blockvol

import (
	"context"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Sources returns the paths of the devices in a pool's definition.
func Sources(p *pooldef.Pool) []string {
	var devices []string
	for _, d := range p.Source.Devices {
		devices = append(devices, d.Path)
	}
	return devices
}

// CheckSources checks that a pool's source devices are not in use and, unless overwrite is set, that they are
// empty. It returns the devices that are not empty.
func (d Devices) CheckSources(ctx context.Context, p *pooldef.Pool,
	overwrite bool) (full []string, err error) {
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

// Users describes the users of a volume's device: other devices, mounts and swap, or otherwise processes. An
// unprivileged caller may not see all users.
func (d Devices) Users(path string) []string {
	if users, err := d.Host.DeviceUsers(path); err == nil && len(users) > 0 {
		return users
	}
	return d.Host.OpenBy(path)
}
