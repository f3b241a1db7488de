package commands

import (
	"fmt"
	"time"

	"poolctl/pooldef"
)

// volumeFields are the names of a volume's fields in machine-readable output. They are stable.
var volumeFields = []string{
	"name", "type", "path", "key", "format", "capacity", "allocation", "physical", "mode", "owner", "group",
	"accessed", "modified", "changed", "backing_path", "backing_format", "backing_chain", "encryption",
	"compat", "cluster_size", "error", "paths", "data_file",
}

// volumeValues returns the values of volumeFields.
func volumeValues(v *pooldef.Volume) []any {
	t := &v.Target
	values := []any{
		v.Name, orNull(v.Type), orNull(t.Path), orNull(v.Key), orNull(t.Format),
		sizeOrNull(v.Capacity), sizeOrNull(v.Allocation), sizeOrNull(v.Physical),
		nil, nil, nil, nil, nil, nil, nil, nil,
		chainValues(v.Chain), nil, orNull(t.Compat), nil, nil, pathValues(v.Paths),
		orNull(t.DataFile),
	}
	if p := t.Permissions; p.Mode != nil {
		values[8] = fmt.Sprintf("%04o", *p.Mode)
	}
	if p := t.Permissions; p.Owner != nil && p.Group != nil {
		values[9], values[10] = *p.Owner, *p.Group
	}
	if t.Times != nil {
		values[11], values[12], values[13] = utc(t.Times.Access), utc(t.Times.Modify), utc(t.Times.Change)
	}
	if v.Backing != nil {
		values[14], values[15] = orNull(v.Backing.Path), orNull(v.Backing.Format)
	}
	if t.Encryption != nil {
		values[17] = t.Encryption.Format
	}
	if t.ClusterSize > 0 {
		values[19] = t.ClusterSize
	}
	if v.Err != nil {
		values[20] = v.Err.Error()
	}
	return values
}

// sizeOrNull returns a size in bytes, or nil if it is not known.
func sizeOrNull(s pooldef.Size) any {
	if !s.Known {
		return nil
	}
	return s.Bytes
}

// utc formats a time as RFC 3339, in UTC. A zero time is null.
func utc(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// A chainValue is an image of a chain in machine-readable output.
type chainValue struct {
	Path       string `json:"path"`
	Format     any    `json:"format"`
	Capacity   any    `json:"capacity"`
	Allocation any    `json:"allocation"`
}

// chainValues returns the images of a chain, or nil if the chain was not read.
func chainValues(chain []*pooldef.Volume) any {
	if chain == nil {
		return nil
	}
	values := []chainValue{}
	for _, image := range chain {
		t := image.Target
		values = append(values,
			chainValue{t.Path, orNull(t.Format), sizeOrNull(image.Capacity), sizeOrNull(image.Allocation)})
	}
	return values
}

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
