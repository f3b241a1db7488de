// Package tree is the model of what storage lies on what: a graph of nodes such as disks, pools, volumes and
// domains. An [Edge] leads from what lies on something, or uses it, to what it lies on. The graph may have
// several ways between two nodes, and loops, because images and domains can name any other.
//
// [Graph.Around] restricts a graph to what is below and above some nodes. [Graph.Lines] lays a graph out as a
// tree with as many lines as the graph has nodes and edges, at most.
//
// The package inspects nothing and prints nothing. Package driver fills the graph.
package tree

import (
	"slices"
	"strings"

	"poolctl/pooldef"
)

// A Kind is a kind of node.
type Kind string

// The kinds of nodes. Nodes that lie on the same node are shown in this order.
const (
	Server     Kind = "server"
	Device     Kind = "device"     // a block device that is not a volume
	FileSystem Kind = "filesystem" // a mounted file system that is not a pool
	File       Kind = "file"       // a file that is not a volume
	Snapshot   Kind = "snapshot"
	Pool       Kind = "pool"
	Volume     Kind = "volume"
	Domain     Kind = "domain"  // a virtual machine of libvirt
	Process    Kind = "process" // a process that has a volume open
	Kernel     Kind = "kernel"  // any other use by the kernel
)

var kinds = []Kind{Server, Device, FileSystem, File, Snapshot, Pool, Volume, Domain, Process, Kernel}

// A Node is a piece of storage, or what uses it.
type Node struct {
	ID         string // unique in the graph, and the same in each run
	Kind       Kind
	Name       string
	Type       string // disk, partition, loop; ext4; the type of a pool; the format or type of a volume
	State      string // active, inactive, unknown; running, defined; reading, writing
	Path       string
	Pool       string // of a volume or a snapshot
	UUID       string // of a pool
	Key        string // of a volume
	Size, Used pooldef.Size
	Err        error // why sizes, or what lies on the node, are missing

	below, above []*Edge
}

// Below returns the edges to what the node lies on or uses.
func (n *Node) Below() []*Edge { return n.below }

// An Edge says that one node lies on another one, or uses it.
type Edge struct {
	Above, Below *Node
	Use          string // what Below is for Above: backing file, vda, target; may be empty
}

// A Graph is a set of nodes and edges. The zero value is empty.
type Graph struct {
	nodes []*Node
	byID  map[string]*Node
	edges map[[2]*Node]*Edge
}

// Nodes returns the nodes in the order in which they were added.
func (g *Graph) Nodes() []*Node { return g.nodes }

// Node returns the node with an ID, or nil.
func (g *Graph) Node(id string) *Node { return g.byID[id] }

// Add adds a node, without its edges. If a node has the ID, Add returns that node and changes nothing.
func (g *Graph) Add(n Node) *Node {
	if old := g.byID[n.ID]; old != nil {
		return old
	}
	if g.byID == nil {
		g.byID, g.edges = map[string]*Node{}, map[[2]*Node]*Edge{}
	}
	n.below, n.above = nil, nil
	g.nodes, g.byID[n.ID] = append(g.nodes, &n), &n
	return &n
}

// Lay adds an edge between two nodes of the graph. Two nodes have one edge, with all uses. No node lies on
// itself.
func (g *Graph) Lay(above, below *Node, use string) {
	if above == below {
		return
	}
	e := g.edges[[2]*Node{above, below}]
	switch {
	case e == nil:
		e = &Edge{above, below, use}
		g.edges[[2]*Node{above, below}] = e
		above.below, below.above = append(above.below, e), append(below.above, e)
	case use != "" && e.Use == "":
		e.Use = use
	case use != "" && !slices.Contains(strings.Split(e.Use, ", "), use):
		e.Use += ", " + use
	}
}

// Around returns a graph of the nodes, of all that is below one of them, and of all that is above one.
func (g *Graph) Around(nodes ...*Node) *Graph {
	kept := map[*Node]bool{}
	reach(nodes, kept, func(n *Node, visit func(*Node)) {
		for _, e := range n.below {
			visit(e.Below)
		}
	})
	up := map[*Node]bool{}
	reach(nodes, up, func(n *Node, visit func(*Node)) {
		for _, e := range n.above {
			visit(e.Above)
		}
	})
	part, copies := &Graph{}, map[*Node]*Node{}
	for _, n := range g.nodes {
		if kept[n] || up[n] {
			copies[n] = part.Add(*n)
		}
	}
	for _, n := range g.nodes {
		for _, e := range n.below {
			if above, below := copies[n], copies[e.Below]; above != nil && below != nil {
				part.Lay(above, below, e.Use)
			}
		}
	}
	return part
}

// reach adds nodes to found, and those that next visits from them, directly or indirectly.
func reach(nodes []*Node, found map[*Node]bool, next func(n *Node, visit func(*Node))) {
	var ahead []*Node
	visit := func(n *Node) {
		if !found[n] {
			found[n] = true
			ahead = append(ahead, n)
		}
	}
	for _, n := range nodes {
		visit(n)
	}
	for len(ahead) > 0 {
		n := ahead[len(ahead)-1]
		ahead = ahead[:len(ahead)-1]
		next(n, visit)
	}
}
