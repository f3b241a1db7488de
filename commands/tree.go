package commands

import (
	"fmt"

	"poolctl/backend/tree"
	"poolctl/format"
)

// Tree is the verb tree.
type Tree struct {
	Storage string `position:"" placeholder:"STORAGE" help:"Name or uuid of a pool; path, key or name of a volume; path or name of a block device. Default: all pools."`
	Output  string `short:"o" default:"table" enum:"table,json,dot" placeholder:"STYLE" help:"Print a table, json, or dot (Graphviz)."`
}

// Help implements kong.HelpProvider.
func (*Tree) Help() string {
	return "Shows what lies on what, as lsblk does: servers, disks, partitions, file systems, pools, volumes, " +
		"their snapshots, the images that are based on them, and libvirt's domains and the processes that use " +
		"them. With an argument, it shows what the pool, volume or device lies on, and what lies on it.\n\n" +
		"Something that lies on several others has a line below each of them. What lies on it is shown once; " +
		"the other lines end with (*). Inactive pools are shown without their volumes. What could not be " +
		"inspected is a warning.\n\n" +
		"  poolctl tree\n" +
		"  poolctl tree /dev/sda\n" +
		"  poolctl tree /var/lib/libvirt/images/base.qcow2\n" +
		"  poolctl tree images -o json |\n" +
		"    jq -r '.nodes[] | select(.kind == \"domain\") | .name'\n" +
		"  poolctl tree -o dot | dot -Tsvg >storage.svg"
}

// Run shows a tree.
func (c *Tree) Run(e *env) error {
	found, err := e.driver.Tree(e.ctx)
	if err != nil {
		return fmt.Errorf("inspect storage: %w", err)
	}
	graph := found.Pools()
	if c.Storage != "" {
		if graph, err = e.driver.FindInTree(e.ctx, found, c.Storage); err != nil {
			return err
		}
	}
	e.warnHidden(found.Hidden)
	switch c.Output {
	case "json":
		return printTreeJSON(e, graph)
	case "dot":
		printTreeDot(e, graph)
		return nil
	}
	return printTree(e, graph)
}

// treeFields are the names of a node's fields in JSON. They are stable.
var treeFields = []string{
	"id", "kind", "name", "type", "state", "path", "pool", "size", "used", "on", "error",
}

// A treeEdge is what a node lies on, in JSON.
type treeEdge struct {
	ID  string `json:"id"`
	Use any    `json:"use"`
}

// printTreeJSON prints the nodes, each with what it lies on.
func printTreeJSON(e *env, graph *tree.Graph) error {
	list := format.NewList(e.Results, "json", "nodes", treeFields)
	for _, n := range graph.Nodes() {
		on := []treeEdge{}
		for _, edge := range n.Below() {
			on = append(on, treeEdge{edge.Below.ID, orNull(edge.Use)})
		}
		var problem any
		if n.Err != nil {
			problem = n.Err.Error()
		}
		if err := list.Add(n.ID, string(n.Kind), n.Name, orNull(n.Type), orNull(n.State), orNull(n.Path),
			orNull(n.Pool), sizeOrNull(n.Size), sizeOrNull(n.Used), on, problem); err != nil {
			return err
		}
	}
	return list.Close(e.problemMembers()...)
}
