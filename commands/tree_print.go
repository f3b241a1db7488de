package commands

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"poolctl/backend/tree"
	"poolctl/format"
	"poolctl/pooldef"
)

// printTree prints a line for each line of the tree.
func printTree(e *env, graph *tree.Graph) error {
	isTerminal := e.Results == io.Writer(e.People)
	var rows [][]string
	var lasts []bool // for each line above the current one, by depth
	for _, l := range graph.Lines() {
		lasts = append(lasts[:l.Depth], l.IsLast)
		name := branches(lasts) + nodeName(l.Node)
		if l.IsElsewhere {
			name += " (*)"
		}
		row := []string{name, nodeType(l.Node), sizeCell(l.Size), sizeCell(l.Used),
			fullness(l.Node, isTerminal), nodeUse(l)}
		for i, cell := range row {
			row[i] = cmp.Or(cell, "-")
		}
		rows = append(rows, row)
	}
	return e.Table([]string{"Name", "Type", "Size", "Used", "Full", "Use"}, rows)
}

// branches returns the lines that lead to a name. lasts says of each line on the way whether it is the last
// of its parent; the first one has no parent.
func branches(lasts []bool) string {
	var b strings.Builder
	for depth, isLast := range lasts[1:] {
		isName := depth == len(lasts)-2
		switch {
		case isName && isLast:
			b.WriteString("└─ ")
		case isName:
			b.WriteString("├─ ")
		case isLast:
			b.WriteString("   ")
		default:
			b.WriteString("│  ")
		}
	}
	return b.String()
}

// nodeName returns the name by which a node is shown.
func nodeName(n *tree.Node) string {
	if n.Kind == tree.Snapshot {
		return "@" + n.Name
	}
	return n.Name
}

// nodeType describes what a node is, in a word or two.
func nodeType(n *tree.Node) string {
	switch {
	case n.Kind == tree.Pool:
		return n.Type + " pool"
	case n.Type == "" || n.Kind == tree.File:
		return string(n.Kind)
	}
	return n.Type
}

// nodeUse returns what a line's parent is for its node, and the node's state unless it is the usual one.
func nodeUse(l tree.Line) string {
	var parts []string
	for _, part := range []string{l.Use, l.State} {
		if part != "" && part != "active" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

// sizeCell returns a size, or nothing if it is unknown.
func sizeCell(s pooldef.Size) string {
	if !s.Known {
		return ""
	}
	return format.HumanSize(s.Bytes)
}

// fullness returns how much of a node's size is used, with a bar on a terminal.
func fullness(n *tree.Node, withBar bool) string {
	if !n.Size.Known || !n.Used.Known || n.Size.Bytes == 0 {
		return ""
	}
	const width = 10
	share := float64(n.Used.Bytes) / float64(n.Size.Bytes)
	percent := fmt.Sprintf("%3.0f%%", share*100)
	if !withBar {
		return percent
	}
	filled := min(width, int(share*width+0.5))
	return strings.Repeat("█", filled) + strings.Repeat("░", width-filled) + " " + percent
}

// printTreeDot prints the graph in the language of Graphviz, from the left to the right.
func printTreeDot(e *env, graph *tree.Graph) {
	names := map[*tree.Node]string{}
	e.Result("digraph storage {\n  rankdir=LR\n  node [shape=box]\n")
	for i, n := range graph.Nodes() {
		names[n] = fmt.Sprintf("n%d", i)
		label := dotText(nodeName(n)) + `\n` + dotText(nodeType(n))
		if n.Size.Known {
			label += `\n` + format.HumanSize(n.Size.Bytes)
		}
		e.Result(fmt.Sprintf("  %s [label=\"%s\"]\n", names[n], label))
	}
	for _, n := range graph.Nodes() {
		for _, edge := range n.Below() {
			label := ""
			if edge.Use != "" {
				label = fmt.Sprintf(" [label=\"%s\"]", dotText(edge.Use))
			}
			e.Result(fmt.Sprintf("  %s -> %s%s\n", names[edge.Below], names[n], label))
		}
	}
	e.Result("}\n")
}

// dotText returns a text for a quoted label of Graphviz, which reads backslashes and the entities of HTML in
// it (graphviz.org/doc/info/lang.html).
func dotText(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;").Replace(format.Line(s))
}
