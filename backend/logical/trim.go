package logical

import (
	"context"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Trim implements backend.Trimmer. Only thin volumes can give space back.
func (b *Backend) Trim(ctx context.Context, p *pooldef.Pool, name string, progress host.Progress) error {
	v, all, err := b.find(ctx, p, name)
	if err == nil {
		err = checkActive(p, v)
	}
	switch {
	case err != nil:
		return err
	case !v.isThin():
		return &backend.UnsupportedError{Type: p.Type, What: "trimming volumes that are not thin"}
	case v.attr(7) != 'z':
		return &backend.StateError{
			Text: "its thin pool does not zero blocks that are allocated again: old data would appear in it",
			Hint: "lvchange --zero y " + quoted(p.Source.Name+"/"+v.Pool),
		}
	case v.hasExternalOrigin(indexOf(all)):
		return &backend.UnsupportedError{
			Type: p.Type, What: "trimming thin volumes with an external origin, whose data would appear in them",
		}
	}
	return b.Host.Change(ctx, host.DigHoles{Path: path(p, name), Progress: progress})
}

// hasExternalOrigin reports whether blocks of a thin volume that are not allocated are those of a volume
// outside of the thin pool (lvmthin(7)). Otherwise, such blocks read as zeros.
func (v *logicalVolume) hasExternalOrigin(all index) bool {
	for v.Origin != "" {
		if !v.isIndependent(all) {
			return true
		}
		v = all[v.Origin]
	}
	return false
}
