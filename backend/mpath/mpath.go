// Package mpath manages the pool of type mpath: its volumes are the multipath maps of this machine, one
// device-mapper device for each unit that is connected by several paths. There can be only one such pool; its
// target is ignored.
//
// The maps come from /sys. Details of their paths come from multipathd or, if it does not run, from /sys.
package mpath

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/blockvol"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Backend manages pools of type mpath.
type Backend struct{ blockvol.Devices }

// New returns the backend.
func New(h host.Host, s backend.Secrets) *Backend {
	b := &Backend{blockvol.Devices{Host: h, Secrets: s}}
	b.Find = b.transferableVolume
	return b
}

// Dependencies implements backend.Dependent.
func (*Backend) Dependencies(*pooldef.Pool) backend.Dependencies {
	return backend.Dependencies{Services: []string{"multipathd.service"}}
}

// directory contains the links to device-mapper's devices.
const directory = "/dev/mapper"

// Active implements backend.Backend. The pool is active if device-mapper is present.
func (b *Backend) Active(ctx context.Context, _ *pooldef.Pool) (bool, error) {
	_, err := b.Host.Stat(directory)
	if errors.Is(err, fs.ErrNotExist) {
		return false, ctx.Err()
	}
	return err == nil, errors.Join(err, ctx.Err())
}

// Space implements backend.Backend. It returns the total size of the maps.
func (b *Backend) Space(ctx context.Context, p *pooldef.Pool) (pooldef.Space, error) {
	all, err := b.maps(ctx, p)
	if err != nil {
		return pooldef.Space{}, err
	}
	sizes := make([]uint64, len(all))
	for i, m := range all {
		sizes[i] = m.size
	}
	sum, err := backend.Sum("the kernel", "sum of maps", sizes...)
	return pooldef.Space{Capacity: sum, Allocation: sum}, err
}

// Volumes implements backend.Backend.
func (b *Backend) Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return backend.List(func() ([]*multipathMap, error) { return b.maps(ctx, p) }, (*multipathMap).volume)
}

// Details implements backend.DetailLister. The volumes include their paths, from one query of multipathd.
func (b *Backend) Details(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return backend.List(func() ([]*multipathMap, error) {
		all, err := b.maps(ctx, p)
		if err == nil && len(all) > 0 {
			err = b.addPaths(ctx, all...)
		}
		return all, err
	}, b.details)
}

// Volume implements backend.Backend.
func (b *Backend) Volume(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	m, err := b.find(ctx, p, name)
	if err == nil {
		err = b.addPaths(ctx, m)
	}
	if err != nil {
		return nil, err
	}
	return b.details(m), nil
}

// transferableVolume returns a volume whose data can be transferred.
func (b *Backend) transferableVolume(
	ctx context.Context, p *pooldef.Pool, name string,
) (*pooldef.Volume, error) {
	m, err := b.find(ctx, p, name)
	if err != nil {
		return nil, err
	}
	return m.volume(), m.wrong
}

func (b *Backend) find(ctx context.Context, p *pooldef.Pool, name string) (*multipathMap, error) {
	all, err := b.maps(ctx, p)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(all, func(m *multipathMap) bool { return m.device == name }); i >= 0 {
		return all[i], nil
	}
	return nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
}

// A multipathMap is a multipath map.
type multipathMap struct {
	device string // such as dm-3
	name   string // such as mpatha
	size   uint64
	wrong  error // why the size is invalid
	paths  []pooldef.Path
}

// maps lists the maps that multipathd has created. Their UUIDs begin with mpath-; those of their partitions
// do not.
func (b *Backend) maps(ctx context.Context, p *pooldef.Pool) ([]*multipathMap, error) {
	active, err := b.Active(ctx, p)
	if err == nil && !active {
		err = &backend.StateError{Text: "device-mapper is not available: no " + directory,
			Hint: "modprobe dm-multipath"}
	}
	if err != nil {
		return nil, err
	}
	sys := b.Host.Sys()
	entries, err := fs.ReadDir(sys, "block")
	var all []*multipathMap
	for _, e := range entries {
		says := func(file string) string { return host.ReadSys(sys, "block", e.Name(), file) }
		if !strings.HasPrefix(e.Name(), "dm-") || !strings.HasPrefix(says("dm/uuid"), "mpath-") {
			continue
		}
		m := &multipathMap{device: e.Name(), name: says("dm/name")}
		m.size, m.wrong = backend.ParseSectors(m.device, says("size"))
		all = append(all, m)
	}
	slices.SortFunc(all, func(m, n *multipathMap) int { return pooldef.CompareNames(m.device, n.device) })
	return all, err
}

// path returns the path of udev's link to a map, or of the node if the name cannot be a link's.
func (m *multipathMap) path() string {
	isDir := m.name == "" || m.name == "." || m.name == ".."
	if isDir || strings.Contains(m.name, "/") || !backend.IsPlain(m.name) {
		return "/dev/" + m.device
	}
	return directory + "/" + m.name
}

func (m *multipathMap) volume() *pooldef.Volume {
	size, path := pooldef.Bytes(m.size), m.path()
	return &pooldef.Volume{
		Type:       "block",
		Name:       m.device,
		Key:        path,
		Capacity:   size,
		Allocation: size,
		Physical:   size,
		Target:     pooldef.VolumeTarget{Path: path},
	}
}

func (b *Backend) details(m *multipathMap) *pooldef.Volume {
	v := m.volume()
	v.Err = b.StatDevice(&v.Target, v.Target.Path)
	if errors.Is(v.Err, fs.ErrNotExist) { // udev creates the link after the kernel has created the node
		v.Err = b.StatDevice(&v.Target, "/dev/"+m.device)
	}
	if m.wrong != nil {
		v.Err = m.wrong
	}
	v.Paths = m.paths
	return v
}
