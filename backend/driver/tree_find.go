package driver

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/fault"
	"poolctl/backend/host"
	"poolctl/backend/tree"
)

// Pools returns what is below and above the pools and their volumes.
func (t *StorageTree) Pools() *tree.Graph {
	isNeither := func(n *tree.Node) bool { return n.Kind != tree.Pool && n.Kind != tree.Volume }
	return t.graph.Around(slices.DeleteFunc(slices.Clone(t.graph.Nodes()), isNeither)...)
}

// FindInTree returns what is below and above a pool (name or uuid), a volume (path, key or name) or a block
// device (path or name). Pools come before volumes, and volumes before devices.
func (d *Driver) FindInTree(ctx context.Context, t *StorageTree, name string) (*tree.Graph, error) {
	matches := []func(*tree.Node) bool{
		func(n *tree.Node) bool { return n.Kind == tree.Pool && n.Name == name },
		func(n *tree.Node) bool { return n.Kind == tree.Pool && n.UUID == name },
		func(n *tree.Node) bool { return n.Kind == tree.Volume && (n.Path == name || n.Key == name) },
		func(n *tree.Node) bool { return n.Kind == tree.Volume && n.Name == name },
		func(n *tree.Node) bool { return n.Kind == tree.Device && (n.Name == name || n.Path == "/dev/"+name) },
	}
	for _, match := range matches {
		var found []*tree.Node
		for _, n := range t.graph.Nodes() {
			if match(n) {
				found = append(found, n)
			}
		}
		if len(found) > 1 && found[0].Path != found[1].Path {
			return nil, &AmbiguousError{name, found}
		}
		if len(found) > 0 {
			return t.graph.Around(found...), nil
		}
	}
	if filepath.IsAbs(name) {
		patience, cancel := context.WithTimeout(ctx, d.Timeout)
		defer cancel()
		file, err := backend.Await(patience, func() (host.FileID, error) {
			file, _ := host.FileIDOf(name)
			return file, nil
		})
		if err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
		if n := t.byFile[file]; n != nil {
			return t.graph.Around(n), nil
		}
	}
	return nil, fault.WithHint(fault.NotFound,
		fmt.Sprintf("no pool, volume of an active pool or block device is %q", name), "poolctl tree")
}

// An AmbiguousError reports that several volumes have a name.
type AmbiguousError struct {
	Name  string
	found []*tree.Node
}

func (e *AmbiguousError) Error() string {
	var pools []string
	for _, n := range e.found {
		pools = append(pools, fmt.Sprintf("%q", n.Pool))
	}
	slices.Sort(pools)
	return fmt.Sprintf("several pools have a volume %q: %s", e.Name, strings.Join(pools, ", "))
}

// Kind implements [fault.Error].
func (*AmbiguousError) Kind() fault.Kind { return fault.Usage }

// HintLine implements [fault.Hinter].
func (*AmbiguousError) HintLine() string { return "the path of a volume names one" }
