package tree

import (
	"fmt"
	"strings"
	"testing"
)

// graph returns a graph of edges such as "a on b" and "a on b as c".
func graph(edges ...string) *Graph {
	g := &Graph{}
	for _, text := range edges {
		above, rest, _ := strings.Cut(text, " on ")
		below, use, _ := strings.Cut(rest, " as ")
		nodes := [2]*Node{}
		for i, name := range []string{below, above} {
			kind := Volume
			if strings.HasPrefix(name, "vm") {
				kind = Domain
			}
			nodes[i] = g.Add(Node{ID: name, Name: name, Kind: kind})
		}
		g.Lay(nodes[1], nodes[0], use)
	}
	return g
}

// draw returns the lines of a graph: a dot for each level, * for what is shown elsewhere, $ for the last.
func draw(g *Graph) string {
	var drawn []string
	for _, l := range g.Lines() {
		text := strings.Repeat(".", l.Depth) + l.Name
		if l.Use != "" {
			text += "=" + l.Use
		}
		if l.IsElsewhere {
			text += "*"
		}
		if l.IsLast {
			text += "$"
		}
		drawn = append(drawn, text)
	}
	return strings.Join(drawn, " ")
}

// TestLines checks how graphs are laid out.
func TestLines(t *testing.T) {
	for _, test := range []struct {
		name, want string
		edges      []string
	}{
		{"chain", "disk .pool$ ..a$", []string{"pool on disk", "a on pool"}},
		{"users last", "pool .a .b .vm=vda$",
			[]string{"vm on pool as vda", "a on pool", "b on pool"}},
		{"overlay below its backing file", "pool .a$ ..b$ ...c$",
			[]string{"a on pool", "b on pool", "c on pool", "b on a", "c on b"}},
		{"two pools", "p .a$ ..b=backing file$ ...vm$ q .b*$",
			[]string{"a on p", "b on q", "b on a as backing file", "vm on b"}},
		{"a domain on two volumes", "p .a ..vm=vda$ .b$ ..vm=vdb$",
			[]string{"a on p", "b on p", "vm on a as vda", "vm on b as vdb"}},
		{"a loop in a pool", "p .c .a$ ..b$ ...a*$",
			[]string{"a on p", "b on p", "c on p", "a on b", "b on a"}},
		{"a loop alone", "a .b$ ..a*$", []string{"b on a", "a on b"}},
		{"itself", "p .a$", []string{"a on p", "a on a"}},
		{"uses", "a .vm=vda, arg$", []string{"vm on a as vda", "vm on a as arg", "vm on a as vda", "vm on a"}},
	} {
		if got := draw(graph(test.edges...)); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// TestAround checks that only what is below and above the nodes is kept.
func TestAround(t *testing.T) {
	g := graph("p on disk", "a on p", "b on p", "b on a", "c on p", "vm on b as vda", "vm on c as vdb", "x on y")
	for name, want := range map[string]string{
		"a": "disk .p$ ..a$ ...b$ ....vm=vda$", "disk": "disk .p$ ..a ...b$ ....vm=vda$ ..c$ ...vm=vdb$",
		"c": "disk .p$ ..c$ ...vm=vdb$", "y": "y .x$",
	} {
		if got := draw(g.Around(g.Node(name))); got != want {
			t.Errorf("around %s: %s, want %s", name, got, want)
		}
	}
	if got := draw(g.Around()); got != "" {
		t.Errorf("around nothing: %s", got)
	}
}

// TestLargeGraphs checks that the number of lines stays linear whatever images claim, and that no line is
// deep.
func TestLargeGraphs(t *testing.T) {
	const size = 2000
	var chain, diamonds, all []string
	for i := range size {
		chain = append(chain, fmt.Sprintf("%d on p", i), fmt.Sprintf("%d on %d", i, (i+1)%size))
		diamonds = append(diamonds, fmt.Sprintf("a%d on %d", i, i), fmt.Sprintf("b%d on %d", i, i),
			fmt.Sprintf("%d on a%d", i+1, i), fmt.Sprintf("%d on b%d", i+1, i))
	}
	for i := range 60 {
		for j := range 60 {
			all = append(all, fmt.Sprintf("%d on %d", i, j))
		}
	}
	for name, edges := range map[string][]string{"chain": chain, "diamonds": diamonds, "all": all} {
		g := graph(edges...)
		lines := g.Lines()
		if most := len(g.nodes) + len(edges); len(lines) > most {
			t.Errorf("%s: %d lines, at most %d expected", name, len(lines), most)
		}
		shown := map[*Node]bool{}
		for _, l := range lines {
			if l.Depth > maxDepth {
				t.Fatalf("%s: depth %d", name, l.Depth)
			}
			shown[l.Node] = shown[l.Node] || !l.IsElsewhere
		}
		for _, n := range g.nodes {
			if !shown[n] {
				t.Errorf("%s: %s is not shown", name, n.Name)
			}
		}
	}
}
