package desired

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/backend/driver"
	"poolctl/pooldef"
)

// A Looker looks at files of the machine.
type Looker interface {
	Stat(path string) (fs.FileInfo, error)
}

// A node is a pool, or a volume, with what it needs: these nodes are handled first.
type node struct {
	pool    *Pool
	volume  *pooldef.DesiredVolume // nil for a pool
	needs   []*node
	failed  bool // it could not be made as it should be
	pending bool // in a diff or a dry run: it does not exist yet
}

// String names the node in messages.
func (n *node) String() string {
	if n.volume == nil {
		return fmt.Sprintf("pool %q", n.pool.Pool.Name)
	}
	return fmt.Sprintf("volume %q of pool %q", n.volume.Name, n.pool.Pool.Name)
}

// path returns where a volume is, if that is a path below its pool's target; otherwise "".
func (n *node) path() string {
	if n.volume == nil || n.pool.Pool.Target.Path == "" {
		return ""
	}
	return filepath.Join(n.pool.Pool.Target.Path, n.volume.Name)
}

// leadsTo reports whether a node needs another one, directly or not.
func (n *node) leadsTo(other *node) bool {
	seen := map[*node]bool{}
	var leads func(n *node) bool
	leads = func(n *node) bool {
		if seen[n] {
			return false
		}
		seen[n] = true
		return slices.ContainsFunc(n.needs, func(m *node) bool { return m == other || leads(m) })
	}
	return leads(n)
}

// order sets the nodes of a set. Volumes that need each other are problems.
func (s *Set) order(looker Looker) error {
	g := newGraph(s)
	g.connectVolumes()
	g.connectPools(looker)
	var problems pooldef.Problems
	const begun, ended = 1, 2
	state := map[*node]int{}
	var add func(n *node)
	add = func(n *node) {
		state[n] = begun
		for _, needed := range n.needs {
			switch state[needed] {
			case 0:
				add(needed)
			case begun:
				problems = append(problems, inCircle(n, needed))
			}
		}
		state[n] = ended
		s.nodes = append(s.nodes, n)
	}
	for _, n := range g.nodes {
		if state[n] == 0 {
			add(n)
		}
	}
	if problems != nil {
		return problems
	}
	s.nodes = inGroups(s.nodes)
	return nil
}

// inGroups returns nodes, which come after those that they need, with the volumes of a pool together where
// what they need allows that: Apply lists a pool once for each group.
func inGroups(nodes []*node) (sorted []*node) {
	rest := map[*Pool][]*node{} // the volumes of each pool that are not in sorted
	for _, n := range nodes {
		if n.volume != nil {
			rest[n.pool] = append(rest[n.pool], n)
		}
	}
	done := map[*node]bool{}
	isLater := func(n *node) bool { return !done[n] }
	add := func(n *node) bool {
		isNext := !slices.ContainsFunc(n.needs, isLater)
		if isNext {
			done[n], sorted = true, append(sorted, n)
		}
		return isNext
	}
	for _, n := range nodes {
		switch {
		case done[n]:
		case n.volume == nil:
			add(n)
		default:
			rest[n.pool] = slices.DeleteFunc(rest[n.pool], add)
		}
	}
	return sorted
}

// inCircle returns the problem that a node needs another one, which needs it in turn.
func inCircle(n, needed *node) pooldef.Problem {
	p := pooldef.Problem{File: n.pool.File, Line: n.pool.Line, Element: "volumes"}
	if n.volume != nil {
		p.Line = n.volume.Line
	}
	if p.Text = fmt.Sprintf("%s needs itself", n); n != needed {
		p.Text = fmt.Sprintf("%s needs %s, which needs it in turn", n, needed)
	}
	return p
}

// A graph has the nodes of a set as they were declared: each pool before its volumes.
type graph struct {
	nodes   []*node
	pools   map[string]*node
	volumes map[[2]string]*node // by pool and name
	paths   map[string]*node    // the same, by path
}

func newGraph(s *Set) *graph {
	g := &graph{pools: map[string]*node{}, volumes: map[[2]string]*node{}, paths: map[string]*node{}}
	for _, p := range s.Pools {
		pool := &node{pool: p}
		g.nodes, g.pools[p.Pool.Name] = append(g.nodes, pool), pool
		for i := range p.Volumes {
			v := &node{pool: p, volume: &p.Volumes[i], needs: []*node{pool}}
			g.nodes = append(g.nodes, v)
			g.volumes[[2]string{p.Pool.Name, v.volume.Name}] = v
			if path := v.path(); path != "" {
				g.paths[path] = v
			}
		}
	}
	return g
}

// connectVolumes lets volumes need their backing volumes and their sources.
func (g *graph) connectVolumes() {
	for _, n := range g.nodes {
		if n.volume == nil || n.volume.Absent {
			continue
		}
		for _, needed := range []*node{g.backingOf(n), g.sourceOf(n)} {
			if needed != nil {
				n.needs = append(n.needs, needed)
			}
		}
	}
}

// backingOf returns the declared volume that is the backing file of a volume, or nil.
func (g *graph) backingOf(n *node) *node {
	v := n.volume
	if v.Backing == nil {
		return nil
	}
	if named := namedVolume(v.BackingPool, v.Backing.Path); !named {
		return g.paths[filepath.Clean(v.Backing.Path)]
	}
	return g.find(n, v.BackingPool, v.Backing.Path)
}

// namedVolume reports whether a backing file is given as a volume's name, not as a path or URI.
func namedVolume(pool, path string) bool {
	return pool != "" || !strings.HasPrefix(path, "/") && !strings.Contains(path, ":")
}

// sourceOf returns the declared volume whose data a volume gets, or nil.
func (g *graph) sourceOf(n *node) *node {
	if s := n.volume.Source; s != nil && s.Volume != "" {
		return g.find(n, s.Pool, s.Volume)
	}
	return nil
}

// find returns the declared volume of a pool, or of the pool of n if pool is empty; nil if none is declared.
func (g *graph) find(n *node, pool, name string) *node {
	if pool == "" {
		pool = n.pool.Pool.Name
	}
	return g.volumes[[2]string{pool, name}]
}

// connectPools lets pools need the pools that their directories and devices lie in, and the volumes that are
// their devices. A pool that should stop waits for the pools in it. Circles, which only names suggest, are
// cut.
func (g *graph) connectPools(looker Looker) {
	for _, n := range g.nodes {
		if n.volume != nil {
			continue
		}
		for _, needed := range g.around(n, looker) {
			inner, outer := n, needed
			if outer.pool.stops() {
				inner, outer = g.pools[outer.pool.Pool.Name], inner
			}
			if !outer.leadsTo(inner) {
				inner.needs = append(inner.needs, outer)
			}
		}
	}
}

// around returns the nodes that a pool's directory and its devices lie in.
func (g *graph) around(n *node, looker Looker) (found []*node) {
	p := n.pool.Pool
	var paths []string
	if p.Type.Info().OwnsTarget() {
		paths = append(paths, p.Target.Path)
	}
	for _, d := range p.Source.Devices {
		if volume := g.paths[filepath.Clean(d.Path)]; volume != nil {
			found = append(found, volume)
		} else if _, err := looker.Stat(d.Path); err != nil && filepath.IsAbs(d.Path) {
			paths = append(paths, d.Path)
		}
	}
	for _, other := range g.nodes {
		target := other.pool.Pool.Target.Path
		isIn := func(path string) bool { return driver.IsBelow(path, target) }
		if other.volume == nil && other != n && target != "" && slices.ContainsFunc(paths, isIn) {
			found = append(found, other)
		}
	}
	return found
}
