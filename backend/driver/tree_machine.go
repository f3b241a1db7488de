package driver

import (
	"context"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"poolctl/backend/host"
	"poolctl/backend/tree"
	"poolctl/pooldef"
)

// A treeMachine is what a StorageTree needs to know of the machine's devices and mounts.
type treeMachine struct {
	sys     fs.FS
	mounts  []host.Mount
	devices map[string]*tree.Node // by the kernel's names: sda1, dm-3
	dirs    map[string]string     // their directories in sys
	// fileSystems are pools and other file systems, by the numbers of their mounts
	fileSystems map[string]*tree.Node
}

// addMachine adds the machine's block devices and mounts, what pools lie on, and processes.
func (b *treeBuilder) addMachine(ctx context.Context) error {
	if err := b.look.addFiles(); err != nil {
		return err
	}
	mounts, err := b.d.Host.Mounts()
	if err != nil {
		return err
	}
	m := &treeMachine{b.d.Host.Sys(), mounts, map[string]*tree.Node{}, map[string]string{},
		map[string]*tree.Node{}}
	if err := b.addDevices(m); err != nil {
		return err
	}
	b.addMountedPools(ctx, m)
	b.addFileSystems(m)
	b.addBelowPools(ctx, m)
	b.addBelowDevices(m)
	b.addProcesses()
	return nil
}

// addDevices adds disks and partitions. A device that is a volume has the volume's node.
func (b *treeBuilder) addDevices(m *treeMachine) error {
	disks, err := fs.ReadDir(m.sys, "block")
	if err != nil {
		return err
	}
	slices.SortFunc(disks, func(x, y fs.DirEntry) int { return pooldef.CompareNames(x.Name(), y.Name()) })
	for _, disk := range disks {
		dir := path.Join("block", disk.Name())
		b.addDevice(m, disk.Name(), dir)
		parts, _ := fs.Glob(m.sys, dir+"/*/partition")
		for _, part := range parts {
			b.addDevice(m, path.Base(path.Dir(part)), path.Dir(part))
		}
	}
	return nil
}

// addDevice adds a device by its kernel's name and its directory, unless it is empty, as an unused loop
// device is.
func (b *treeBuilder) addDevice(m *treeMachine, name, dir string) {
	sectors, _ := strconv.ParseUint(host.ReadSys(m.sys, dir, "size"), 10, 64)
	id, ok := deviceID(host.ReadSys(m.sys, dir, "dev"))
	if sectors == 0 || !ok {
		return
	}
	n := b.byFile[id]
	if n == nil {
		shown := name
		if mapped := host.ReadSys(m.sys, dir, "dm/name"); mapped != "" {
			shown = mapped
		}
		n = b.graph.Add(tree.Node{ID: "device:" + name, Kind: tree.Device, Name: shown, Path: "/dev/" + name,
			Type: deviceType(m.sys, name, dir), Size: pooldef.Bytes(sectors * 512)})
		b.byFile[id] = n
	}
	m.devices[name], m.dirs[name] = n, dir
}

// deviceID returns the identity of a block device with a number MAJOR:MINOR.
func deviceID(number string) (host.FileID, bool) {
	major, minor, _ := strings.Cut(number, ":")
	x, errMajor := strconv.ParseUint(major, 10, 32)
	y, errMinor := strconv.ParseUint(minor, 10, 32)
	return host.FileID{Device: unix.Mkdev(uint32(x), uint32(y)), IsBlock: true},
		errMajor == nil && errMinor == nil
}

// deviceType returns the type of a device in the words of lsblk(8).
func deviceType(sys fs.FS, name, dir string) string {
	kind, _, isMapped := strings.Cut(strings.ToLower(host.ReadSys(sys, dir, "dm/uuid")), "-")
	switch {
	case host.ReadSys(sys, dir, "partition") != "":
		return "part"
	case isMapped:
		return kind
	case host.ReadSys(sys, dir, "dm/name") != "":
		return "dm"
	case host.ReadSys(sys, dir, "md/level") != "":
		return host.ReadSys(sys, dir, "md/level")
	case strings.HasPrefix(name, "loop"):
		return "loop"
	}
	return "disk"
}

// addBelowDevices lays partitions on disks, mapped devices and arrays on their parts, and loop devices on
// their files. Volumes that are devices lie on their pool instead, if the pool lies on something.
func (b *treeBuilder) addBelowDevices(m *treeMachine) {
	for _, name := range slices.SortedFunc(maps.Keys(m.devices), pooldef.CompareNames) {
		n := m.devices[name]
		if pool := b.graph.Node("pool:" + n.Pool); pool != nil && len(pool.Below()) > 0 {
			continue
		}
		if disk := m.devices[path.Base(path.Dir(m.dirs[name]))]; disk != nil {
			b.graph.Lay(n, disk, "")
		}
		slaves, _ := fs.ReadDir(m.sys, path.Join(m.dirs[name], "slaves"))
		for _, slave := range slaves {
			if below := m.devices[slave.Name()]; below != nil {
				b.graph.Lay(n, below, "")
			}
		}
		b.addBelowLoop(m, name, n)
	}
}

// addBelowLoop lays a loop device on its file or device.
func (b *treeBuilder) addBelowLoop(m *treeMachine, name string, n *tree.Node) {
	id, isLoop := b.look.files.Loops[name]
	if !isLoop {
		return
	}
	below := b.byFile[id]
	if below == nil {
		file := host.ReadSys(m.sys, m.dirs[name], "loop/backing_file")
		below = b.graph.Add(tree.Node{ID: "file:" + file, Kind: tree.File, Name: file})
		if at := host.MountOf(m.mounts, file); at != nil {
			b.graph.Lay(below, b.fileSystem(m, at), "")
		}
	}
	b.graph.Lay(n, below, "")
}
