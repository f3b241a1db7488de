package driver

import (
	"context"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/tree"
	"poolctl/pooldef"
)

// addMountedPools lays the active pools that are mounted file systems on the devices that are mounted.
func (b *treeBuilder) addMountedPools(ctx context.Context, m *treeMachine) {
	for i, s := range b.look.pools {
		target := b.dependencies(s.Pool).Mount
		if target == "" || !s.Active {
			continue
		}
		target = b.look.dirs.canonical(ctx, target)
		isAt := func(at host.Mount) bool { return at.Target == target }
		if j := slices.IndexFunc(m.mounts, isAt); j >= 0 {
			at := &m.mounts[j]
			m.fileSystems[at.Number] = b.all[i].node
			b.layOn(b.all[i].node, b.mountedDevice(at))
		}
	}
}

// addFileSystems adds the mounted file systems of devices.
func (b *treeBuilder) addFileSystems(m *treeMachine) {
	for i := range m.mounts {
		at := &m.mounts[i]
		device := b.mountedDevice(at)
		if device == nil || m.fileSystems[at.Number] != nil {
			continue
		}
		n := b.fileSystem(m, at)
		b.graph.Lay(n, device, "")
		if host.MountOf(m.mounts, at.Target) != at {
			continue // covered by another mount
		}
		if space, err := b.d.Host.Space(at.Target); err == nil {
			n.Size, n.Used = pooldef.Bytes(space.Total), pooldef.Bytes(space.Total-space.Free)
		}
	}
}

// fileSystem returns the node of the file system at a mount.
func (b *treeBuilder) fileSystem(m *treeMachine, at *host.Mount) *tree.Node {
	n := m.fileSystems[at.Number]
	if n == nil {
		n = b.graph.Add(tree.Node{ID: "filesystem:" + at.Number, Kind: tree.FileSystem, Name: at.Target,
			Type: at.Type, Path: at.Target})
		m.fileSystems[at.Number] = n
	}
	return n
}

// mountedDevice returns the node of the device that is mounted, or nil. btrfs shows a device only as the
// source of a mount.
func (b *treeBuilder) mountedDevice(at *host.Mount) *tree.Node {
	if id, ok := deviceID(at.Number); ok && b.byFile[id] != nil {
		return b.byFile[id]
	}
	if !strings.HasPrefix(at.Source, "/dev/") { // any other text may lead to a server
		return nil
	}
	id, _ := host.FileIDOf(at.Source)
	return b.byFile[id]
}

// addBelowPools lays pools on the devices, file systems and servers that their definitions and volumes name.
func (b *treeBuilder) addBelowPools(ctx context.Context, m *treeMachine) {
	for i, s := range b.look.pools {
		n, needs := b.all[i].node, b.dependencies(s.Pool)
		for _, device := range append(needs.Devices, extentDevices(b.all[i].volumes)...) {
			if id, _ := host.FileIDOf(device); id.IsBlock {
				b.layOn(n, b.byFile[id])
			}
		}
		for _, server := range s.Pool.Source.Hosts {
			b.graph.Lay(n, b.graph.Add(tree.Node{ID: "server:" + server.Name, Kind: tree.Server,
				Name: server.Name}), "")
		}
		if needs.Mount != "" || len(n.Below()) > 0 || s.Err != nil {
			continue
		}
		for _, path := range needs.Paths {
			if at := host.MountOf(m.mounts, b.look.dirs.canonical(ctx, path)); at != nil {
				b.graph.Lay(n, b.fileSystem(m, at), "")
			}
		}
	}
}

// dependencies returns what a pool depends on, by its definition.
func (b *treeBuilder) dependencies(p *pooldef.Pool) backend.Dependencies {
	if dependent, ok := b.d.Backends[p.Type].(backend.Dependent); ok {
		return dependent.Dependencies(p)
	}
	return backend.Dependencies{}
}

// layOn adds an edge unless there is nothing below.
func (b *treeBuilder) layOn(above, below *tree.Node) {
	if below != nil {
		b.graph.Lay(above, below, "")
	}
}

// extentDevices returns the devices that volumes occupy parts of.
func extentDevices(volumes []treeVolume) (devices []string) {
	for _, v := range volumes {
		for _, extent := range v.Extents {
			if !slices.Contains(devices, extent.Device) {
				devices = append(devices, extent.Device)
			}
		}
	}
	return devices
}
