package disk

import (
	"context"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// aliasBackend lets the suite use any names. It maps another name to the partition number that was next when
// the volume was created. The map is kept in files, because it must survive a killed process. Names that must
// be refused pass through unchanged.
type aliasBackend struct{ *Backend }

// aliasVariable is the environment variable that names the directory of these files.
const aliasVariable = "POOLCTL_TEST_ALIASES"

func aliasFile(name string) string { return filepath.Join(os.Getenv(aliasVariable), name) }

var (
	stands = []string{
		"v", "w", "neighbour", "source", "same", "sized", "larger", "smaller", "a", "b", "a9", "a10", "B2",
	}
	naming  sync.Mutex
	holding = []string{"v", "same"} // volumes that are created in parallel
)

func isAlias(name string) bool {
	_, numbered := map[string]bool{
		"0": true, "1": true, "2": true, "3": true, "4": true, "5": true, "6": true, "7": true, "8": true,
		"9": true, "10": true, "11": true, "12": true, "13": true, "14": true, "15": true,
	}[name]
	return numbered || slices.Contains(stands, name)
}

// partitionOf returns the partition of an alias.
func partitionOf(name string) string {
	if isAlias(name) {
		if data, err := os.ReadFile(aliasFile(name)); err == nil {
			return string(data)
		}
	}
	return name
}

// alias returns the alias of a partition.
func alias(partition string) string {
	entries, _ := os.ReadDir(os.Getenv(aliasVariable))
	for _, e := range entries {
		if partitionOf(e.Name()) == partition {
			return e.Name()
		}
	}
	return partition
}

// making maps an alias to the next partition number, and calls create with that partition's name. It holds a
// lock during create, unless volumes of the alias are created in parallel.
func (n *aliasBackend) making(
	ctx context.Context, p *pooldef.Pool, v *pooldef.Volume, create func(*pooldef.Volume) error,
) error {
	if !isAlias(v.Name) {
		return create(v)
	}
	naming.Lock()
	done := sync.OnceFunc(naming.Unlock)
	defer done()
	t, err := n.table(context.WithoutCancel(ctx), p)
	if err != nil {
		return err
	}
	wanted := *v
	wanted.Name = partitionOf(v.Name)
	if t.byNumber(t.number(wanted.Name)) == nil {
		wanted.Name = t.name(t.next(primary))
		_ = os.Remove(aliasFile(alias(wanted.Name)))
		if err := os.WriteFile(aliasFile(v.Name), []byte(wanted.Name), 0o600); err != nil {
			return err
		}
	}
	if slices.Contains(holding, v.Name) {
		done()
	}
	return create(&wanted)
}

func (n *aliasBackend) Create(
	ctx context.Context, p *pooldef.Pool, v *pooldef.Volume, o backend.CreateOptions,
) error {
	return n.making(ctx, p, v, func(v *pooldef.Volume) error { return n.Backend.Create(ctx, p, v, o) })
}

func (n *aliasBackend) Clone(
	ctx context.Context, p *pooldef.Pool, v, source *pooldef.Volume, o backend.CloneOptions,
) error {
	return n.making(ctx, p, v, func(v *pooldef.Volume) error { return n.Backend.Clone(ctx, p, v, source, o) })
}

// shown also removes a node's permissions, because udev sets them shortly after the node appears.
func shown(v *pooldef.Volume, err error) (*pooldef.Volume, error) {
	if v != nil {
		v.Name, v.Target.Permissions = alias(v.Name), pooldef.Permissions{}
	}
	return v, err
}

func sorted(list iter.Seq2[*pooldef.Volume, error]) iter.Seq2[*pooldef.Volume, error] {
	return func(yield func(*pooldef.Volume, error) bool) {
		var all []*pooldef.Volume
		for v, err := range list {
			if err != nil {
				yield(v, err)
				return
			}
			v, _ = shown(v, nil)
			all = append(all, v)
		}
		slices.SortFunc(all, func(v, w *pooldef.Volume) int { return pooldef.CompareNames(v.Name, w.Name) })
		for _, v := range all {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func (n *aliasBackend) Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return sorted(n.Backend.Volumes(ctx, p))
}

func (n *aliasBackend) Details(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return sorted(n.Backend.Details(ctx, p))
}

func (n *aliasBackend) Volume(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	return shown(n.Backend.Volume(ctx, p, partitionOf(name)))
}

func (n *aliasBackend) Locate(ctx context.Context, p *pooldef.Pool, pathOrKey string) (string, bool) {
	name, ok := n.Backend.Locate(ctx, p, pathOrKey)
	return alias(name), ok
}

func (n *aliasBackend) Hold(ctx context.Context, p *pooldef.Pool, name string) (backend.Held, error) {
	return n.Backend.Hold(ctx, p, partitionOf(name))
}

func (n *aliasBackend) Delete(ctx context.Context, p *pooldef.Pool, name string) error {
	return n.Backend.Delete(ctx, p, partitionOf(name))
}

func (n *aliasBackend) Resize(
	ctx context.Context, p *pooldef.Pool, name string, size uint64, o backend.ResizeOptions,
) error {
	return n.Backend.Resize(ctx, p, partitionOf(name), size, o)
}

func (n *aliasBackend) Wipe(
	ctx context.Context, p *pooldef.Pool, name, algorithm string, progress host.Progress,
) error {
	return n.Backend.Wipe(ctx, p, partitionOf(name), algorithm, progress)
}

func (n *aliasBackend) Upload(
	ctx context.Context, p *pooldef.Pool, name string, from *os.File, t backend.Transfer,
) error {
	return n.Backend.Upload(ctx, p, partitionOf(name), from, t)
}

func (n *aliasBackend) Download(
	ctx context.Context, p *pooldef.Pool, name string, to *os.File, t backend.Transfer,
) error {
	return n.Backend.Download(ctx, p, partitionOf(name), to, t)
}
