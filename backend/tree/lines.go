package tree

import (
	"cmp"
	"slices"
)

// maxDepth is how deep a tree is at most. What lies higher begins a tree of its own, so that the lines of a
// long backing chain stay short.
const maxDepth = 40

// A Line is a line of a tree: a node below the node that it lies on.
type Line struct {
	*Node
	Use   string // of the edge to the line's parent
	Depth int    // 0: the line has no parent
	// IsLast is set if the line's parent has no later child.
	IsLast bool
	// IsElsewhere is set if something lies on the node, and is shown below another line of the node.
	IsElsewhere bool
}

// Lines lays the graph out. Each node has a line for each node that it lies on, except those that are shown
// between the two anyway. What lies on a node is shown once, so that loops end.
func (g *Graph) Lines() []Line {
	w := walk{shown: map[*Node]bool{}}
	for _, n := range inOrder(g.nodes) {
		if len(n.below) == 0 {
			w.begin(n)
		}
	}
	for _, n := range g.nodes { // loops
		w.begin(n)
	}
	return w.lines
}

// inOrder returns nodes in the order of their kinds.
func inOrder(nodes []*Node) []*Node {
	return slices.SortedStableFunc(slices.Values(nodes), func(a, b *Node) int {
		return cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind))
	})
}

// A walk lays out a graph.
type walk struct {
	lines []Line
	shown map[*Node]bool // nodes with what lies on them
	later []*Node        // nodes that are too deep
}

// begin shows a node that has not been shown as a tree of its own, and then those that were too deep in it.
func (w *walk) begin(n *Node) {
	w.later = []*Node{n}
	for len(w.later) > 0 {
		n, w.later = w.later[0], w.later[1:]
		if !w.shown[n] {
			w.show(Line{Node: n})
		}
	}
}

// show adds a line, and the lines of what lies on its node.
func (w *walk) show(l Line) {
	above := children(l.Node)
	switch {
	case len(above) == 0:
	case w.shown[l.Node]:
		l.IsElsewhere, above = true, nil
	case l.Depth == maxDepth:
		w.later = append(w.later, l.Node)
		l.IsElsewhere, above = true, nil
	}
	if !l.IsElsewhere {
		w.shown[l.Node] = true
	}
	w.lines = append(w.lines, l)
	for i, e := range above {
		w.show(Line{Node: e.Above, Use: e.Use, Depth: l.Depth + 1, IsLast: i == len(above)-1})
	}
}

// children returns the edges to the nodes that lie on a node, except to those that also lie on another of
// them: an overlay is shown below its backing file, and not a second time below their pool.
func children(n *Node) (edges []*Edge) {
	siblings, byNode := make([]*Node, len(n.above)), map[*Node]*Edge{}
	for i, e := range n.above {
		siblings[i], byNode[e.Above] = e.Above, e
	}
	siblings = inOrder(siblings)
	covered := map[*Node]bool{}
	cover := func(top *Node) {
		edges = append(edges, byNode[top])
		reach([]*Node{top}, covered, func(n *Node, visit func(*Node)) {
			for _, e := range n.above {
				if byNode[e.Above] != nil {
					visit(e.Above)
				}
			}
		})
	}
	for _, s := range siblings {
		isOnSibling := func(e *Edge) bool { return byNode[e.Below] != nil }
		if !slices.ContainsFunc(s.below, isOnSibling) {
			cover(s)
		}
	}
	for _, s := range siblings { // those in loops
		if !covered[s] {
			cover(s)
		}
	}
	return edges
}
