package driver

import (
	"context"
	"fmt"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// checkNoPoolIn returns an error if an active pool is in a volume that would disappear: if the volume is the
// pool's directory, a directory above it, or a link that leads to it.
func (d *Driver) checkNoPoolIn(ctx context.Context, v *Volume) error {
	if v.Type == "file" || v.Type == "block" {
		return nil
	}
	name := d.nameOf(v)
	if name.isLocal() {
		return d.checkNoPoolAt(ctx, "", v.Target.Path)
	}
	return d.checkNoPool(ctx, v.Entry.Name, name.contains)
}

// checkNoPoolAt returns an error if an active pool other than self is in the directory, or behind the link,
// at a path.
func (d *Driver) checkNoPoolAt(ctx context.Context, self, path string) error {
	at := host.InodeOf(path)
	if at == (host.Inode{}) {
		return nil
	}
	return d.checkNoPool(ctx, self, func(p *pooldef.Pool) bool { return passes(p.Target.Path, at) })
}

// checkNoPool returns an error that names an active pool other than self for which isIn returns true. A pool
// whose storage does not answer is in nothing that does.
func (d *Driver) checkNoPool(ctx context.Context, self string, isIn func(*pooldef.Pool) bool) error {
	entries, err := d.Store.All()
	if err != nil {
		return err
	}
	found := InParallel(entries, func(entry *store.Entry) bool {
		if entry.Err != nil || entry.Name == self {
			return false
		}
		p := entry.Current()
		in, err := ask(ctx, d, p, func() (bool, error) { return isIn(p), nil })
		if !in || err != nil {
			return false
		}
		active, err := d.active(ctx, entry)
		return active || err != nil
	})
	for i, entry := range entries {
		if found[i] {
			return &backend.StateError{Text: fmt.Sprintf("it contains the active pool %q", entry.Name),
				Hint: "poolctl pool-destroy " + shell.Quote(entry.Name) + " stops it"}
		}
	}
	return ctx.Err()
}

// passes reports whether the lookup of an absolute path passes through a file, by any of its names.
func passes(path string, at host.Inode) bool {
	return followPath(path, func(next string) bool { return host.InodeOf(next) == at })
}
