package gluster

import (
	"context"

	"poolctl/backend"
	"poolctl/pooldef"
)

// Flatten implements backend.Flattener. There is no Committer: after it has written the data, qemu-img 7.2
// cannot empty an image on a Gluster volume, and aborts.
func (b *Backend) Flatten(ctx context.Context, p *pooldef.Pool, name string, o backend.ChainOptions) error {
	return b.changeVolume(ctx, p, name, func(v *view) error { return v.files.Flatten(ctx, v.pool, name, o) })
}
