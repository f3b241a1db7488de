package commands

import "poolctl/pooldef"

// A pathValue is a path of a multipath map in machine-readable output.
type pathValue struct {
	Device        string `json:"device"`
	State         any    `json:"state"`
	DeviceState   any    `json:"device_state"`
	Checker       any    `json:"checker"`
	Priority      *int   `json:"priority"`
	Group         any    `json:"group"`
	GroupState    any    `json:"group_state"`
	GroupPriority *int   `json:"group_priority"`
}

// pathValues returns the paths of a multipath map, or nil for other volumes.
func pathValues(paths []pooldef.Path) any {
	if paths == nil {
		return nil
	}
	values := []pathValue{}
	for _, p := range paths {
		value := pathValue{
			p.Device, orNull(p.State), orNull(p.DeviceState), orNull(p.Checker), p.Priority,
			nil, orNull(p.GroupState), p.GroupPriority,
		}
		if p.Group > 0 {
			value.Group = p.Group
		}
		values = append(values, value)
	}
	return values
}
