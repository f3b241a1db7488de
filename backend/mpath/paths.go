package mpath

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// addPaths sets the paths of maps, from multipathd or, if it does not run, from /sys.
func (b *Backend) addPaths(ctx context.Context, maps ...*multipathMap) error {
	known, err := b.query(ctx)
	if err != nil {
		return err
	}
	sys := b.Host.Sys()
	for _, m := range maps {
		if m.paths = known[m.device]; m.paths == nil {
			m.paths = fromSys(sys, m.device)
		}
	}
	return nil
}

// fromSys returns a map's paths as /sys shows them.
func fromSys(sys fs.FS, device string) []pooldef.Path {
	slaves, _ := fs.ReadDir(sys, "block/"+device+"/slaves")
	paths := []pooldef.Path{}
	for _, s := range slaves {
		paths = append(
			paths, pooldef.Path{Device: s.Name(), DeviceState: host.ReadSys(sys, "block", s.Name(), "device/state")},
		)
	}
	return paths
}

// topology is the used part of multipathd's JSON output.
type topology struct {
	Maps []struct {
		Sysfs  string `json:"sysfs"`
		Groups []struct {
			Number   int    `json:"group"`
			Priority int    `json:"pri"`
			State    string `json:"dm_st"`
			Paths    []struct {
				Device      string `json:"dev"`
				State       string `json:"dm_st"`
				DeviceState string `json:"dev_st"`
				Checker     string `json:"chk_st"`
				Priority    int    `json:"pri"`
			} `json:"paths"`
		} `json:"path_groups"`
	} `json:"maps"`
}

// query queries multipathd for the paths of all maps, by device. It returns nil if multipathd does not run or
// is not installed.
func (b *Backend) query(ctx context.Context) (map[string][]pooldef.Path, error) {
	out, err := b.Host.Query(ctx, host.Cmd("multipathd", "show", "maps", "json"))
	if errors.As(err, new(*host.ExitError)) || errors.As(err, new(*host.ToolError)) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var answer topology
	if err := json.Unmarshal(out, &answer); err != nil {
		return nil, fmt.Errorf("output of multipathd: %w", err)
	}
	known := map[string][]pooldef.Path{}
	for _, m := range answer.Maps {
		known[m.Sysfs] = []pooldef.Path{}
		for _, g := range m.Groups {
			for _, p := range g.Paths {
				known[m.Sysfs] = append(known[m.Sysfs], pooldef.Path{
					Device: p.Device, State: p.State, DeviceState: p.DeviceState, Checker: p.Checker,
					Priority: &p.Priority, Group: g.Number, GroupState: g.State, GroupPriority: &g.Priority,
				})
			}
		}
	}
	return known, nil
}
