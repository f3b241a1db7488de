package driver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/tree"
	"poolctl/pooldef"
)

// A StorageTree is what lies on what: the devices, pools, volumes, snapshots and users of volumes of this
// machine, as one inspection has found them.
type StorageTree struct {
	graph  *tree.Graph
	byFile map[host.FileID]*tree.Node
	byPath map[string]*tree.Node // volumes; the first with a path

	Hidden []error // what could not be inspected
}

// treeBuilder fills a StorageTree.
type treeBuilder struct {
	*StorageTree
	d    *Driver
	look *look
	all  []poolContent // of look.pools
}

// poolContent is what a listing of a pool has found.
type poolContent struct {
	node      *tree.Node
	space     *pooldef.Space // nil: unknown
	volumes   []treeVolume
	snapshots []*pooldef.Snapshot
	err       error
}

// A treeVolume is a volume, with the identity of its file or device.
type treeVolume struct {
	*pooldef.Volume
	file host.FileID
}

// Tree inspects the machine. Each pool is listed once, all at the same time, so that servers that do not
// answer take one timeout together.
func (d *Driver) Tree(ctx context.Context) (*StorageTree, error) {
	l, err := d.lookAtPools(ctx)
	if err != nil {
		return nil, err
	}
	b := &treeBuilder{d: d, look: l, StorageTree: &StorageTree{
		graph: &tree.Graph{}, byFile: map[host.FileID]*tree.Node{}, byPath: map[string]*tree.Node{},
	}}
	b.all = InParallel(l.pools, func(s Status) poolContent { return d.contentOf(ctx, s) })
	for i, s := range l.pools {
		b.addPool(s, &b.all[i])
	}
	for i := range b.all {
		for _, v := range b.all[i].volumes {
			l.addImage(ctx, v.Volume)
		}
	}
	l.addDomains(ctx)
	if err := b.addUsers(ctx); err != nil {
		return nil, err
	}
	if err := b.addMachine(ctx); err != nil {
		return nil, err
	}
	b.Hidden = append(b.Hidden, append(l.hidden, l.limits...)...)
	return b.StorageTree, ctx.Err()
}

// contentOf lists an active pool with its sizes and snapshots.
func (d *Driver) contentOf(ctx context.Context, s Status) (c poolContent) {
	if c.err = s.Err; !s.Active || c.err != nil {
		return c
	}
	space, err := s.Space()
	if err != nil {
		c.err = err
		return c
	}
	c.space = space
	b := d.Backends[s.Pool.Type]
	c.volumes, c.err = ask(ctx, d, s.Pool, func() (volumes []treeVolume, err error) {
		for v, err := range d.Details(ctx, b, s.Pool) {
			if err != nil {
				return volumes, err
			}
			file := host.FileID{}
			if s.Pool.Target.Path != "" {
				file, _ = host.FileIDOf(v.Target.Path)
			}
			volumes = append(volumes, treeVolume{v, file})
		}
		return volumes, nil
	})
	keeper, ok := b.(backend.Snapshotter)
	if !ok || c.err != nil {
		return c
	}
	c.snapshots, err = ask(ctx, d, s.Pool, func() ([]*pooldef.Snapshot, error) {
		return keeper.Snapshots(ctx, s.Pool, "")
	})
	if err != nil && !errors.As(err, new(*backend.UnsupportedError)) {
		c.err = fmt.Errorf("snapshots: %w", err)
	}
	backend.SortSnapshots(c.snapshots)
	return c
}

// addPool adds a pool with its volumes and snapshots.
func (b *treeBuilder) addPool(s Status, c *poolContent) {
	state := stateOf(s)
	if s.Err != nil {
		state = "unknown"
	}
	n := tree.Node{
		ID: "pool:" + s.Entry.Name, Kind: tree.Pool, Name: s.Entry.Name, Type: string(s.Pool.Type), State: state,
		Path: s.Pool.Target.Path, UUID: s.Pool.UUID, Err: c.err,
	}
	if c.space != nil {
		n.Size, n.Used = pooldef.Bytes(c.space.Capacity), pooldef.Bytes(c.space.Allocation)
	}
	if c.err != nil {
		b.Hidden = append(b.Hidden, fmt.Errorf("pool %q: %w", s.Entry.Name, c.err))
	}
	c.node = b.graph.Add(n)
	volumes := make(map[string]*tree.Node, len(c.volumes))
	for _, v := range c.volumes {
		volumes[v.Name] = b.addVolume(c.node, v)
	}
	for _, snap := range c.snapshots {
		switch of := volumes[snap.Volume]; {
		case snap.Err != nil:
			b.Hidden = append(b.Hidden, fmt.Errorf("snapshots of volume %q: %w", snap.Volume, snap.Err))
		case of != nil:
			b.graph.Lay(b.graph.Add(tree.Node{
				ID: "snapshot:" + s.Entry.Name + "/" + snap.Volume + "@" + snap.Name, Kind: tree.Snapshot,
				Name: snap.Name, Pool: s.Entry.Name, Size: snap.Capacity, Used: snap.Allocation,
			}), of, "")
		}
	}
}

// addVolume adds a volume of a pool.
func (b *treeBuilder) addVolume(pool *tree.Node, v treeVolume) *tree.Node {
	n := b.graph.Add(tree.Node{
		ID: volumeID(pool.Name, v.Name), Kind: tree.Volume, Name: v.Name,
		Type: cmp.Or(v.Target.Format, v.Type), Path: v.Target.Path, Pool: pool.Name, Key: v.Key,
		Size: v.Capacity, Used: v.Allocation, Err: v.Err,
	})
	b.graph.Lay(n, pool, "")
	if b.byPath[n.Path] == nil {
		b.byPath[n.Path] = n
	}
	if v.file != (host.FileID{}) && b.byFile[v.file] == nil {
		b.byFile[v.file] = n
	}
	return n
}

// volumeID returns the ID of a volume's node.
func volumeID(pool, volume string) string { return "volume:" + pool + "/" + volume }

// addUsers adds what lies on volumes: images, domains and pools. A backing file that is no volume is a file.
func (b *treeBuilder) addUsers(ctx context.Context) error {
	for i, s := range b.look.pools {
		for _, v := range b.all[i].volumes {
			users, err := b.look.users(ctx, s.Pool, v.Volume)
			if err != nil {
				return err
			}
			on := b.graph.Node(volumeID(s.Entry.Name, v.Name))
			for _, u := range users {
				above := b.userNode(u)
				if above != nil && (u.Kind == PoolUser || u.names(v.file)) {
					b.graph.Lay(above, on, u.As)
				}
			}
		}
	}
	for i, s := range b.look.pools {
		for _, v := range b.all[i].volumes {
			b.addOutside(b.graph.Node(volumeID(s.Entry.Name, v.Name)), v.Volume)
		}
	}
	return nil
}

// names reports whether what a user names is a volume itself. A path may only lead through the volume's
// directory or link.
func (u *User) names(volume host.FileID) bool {
	if volume == (host.FileID{}) || !filepath.IsAbs(u.path) {
		return true
	}
	id, _ := host.FileIDOf(u.path)
	return id == volume
}

// userNode returns the node of a user of a volume, or nil if it is no volume of an active pool.
func (b *treeBuilder) userNode(u User) *tree.Node {
	switch u.Kind {
	case OverlayUser, SnapshotUser:
		return b.byPath[u.Name]
	case PoolUser:
		return b.graph.Node("pool:" + u.Name)
	case DomainUser: // a running one comes before its definition
		return b.graph.Add(tree.Node{ID: "domain:" + u.Name, Kind: tree.Domain, Name: u.Name, State: u.State})
	}
	return nil
}

// addOutside adds the backing file of an image that is no volume of an active pool. Only the image's header
// names it.
func (b *treeBuilder) addOutside(n *tree.Node, v *pooldef.Volume) {
	isBased := func(e *tree.Edge) bool { return e.Below.Kind == tree.Volume && e.Use != "data file" }
	if v.Backing == nil || v.Backing.Path == "" || slices.ContainsFunc(n.Below(), isBased) {
		return
	}
	if b.byPath[v.Backing.Path] != nil { // two pools have the volume, and the other one's lies on it
		return
	}
	file := b.graph.Add(tree.Node{
		ID: "file:" + v.Backing.Path, Kind: tree.File, Name: v.Backing.Path, Type: v.Backing.Format,
	})
	b.graph.Lay(n, file, "backing file")
}

// addProcesses adds the processes that have volumes open, and other uses of files by the kernel.
func (b *treeBuilder) addProcesses() {
	files := b.look.files
	for i := range b.all {
		for _, v := range b.all[i].volumes {
			on := b.byFile[v.file]
			for _, p := range files.Processes[v.file] {
				state := "reading"
				if p.Writes {
					state = "writing"
				}
				b.graph.Lay(b.graph.Add(tree.Node{ID: fmt.Sprintf("process:%d", p.PID), Kind: tree.Process,
					Name: fmt.Sprintf("%d (%s)", p.PID, p.Name)}), on, state)
			}
			for _, use := range files.Kernel[v.file] {
				if name, isLoop := strings.CutPrefix(use, "held by "); isLoop && files.Loops[name] == v.file {
					continue // the loop device is a node
				}
				b.graph.Lay(b.graph.Add(tree.Node{ID: "kernel:" + on.ID + ":" + use, Kind: tree.Kernel,
					Name: use}), on, "")
			}
		}
	}
}
