package sheepdog

import (
	"context"

	"poolctl/pooldef"
)

// Tools implements backend.ToolUser.
func (*Backend) Tools(*pooldef.Pool) []string { return []string{"dog"} }

// FindStale implements backend.StaleFinder. It finds temporary images and snapshots.
func (b *Backend) FindStale(ctx context.Context, p *pooldef.Pool) (left []string, err error) {
	all, err := b.all(ctx, p)
	for _, i := range all {
		if i.isStale() {
			left = append(left, scheme+i.volumeName())
		}
	}
	return left, err
}

// isStale reports whether an image is a temporary one, or a temporary snapshot, of a process that has ended.
func (i *image) isStale() bool { return tempNames.IsStale(i.name) || tempNames.IsStale(i.tag) }
