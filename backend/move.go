package backend

import (
	"context"

	"poolctl/backend/fault"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// ErrElsewhere is wrapped by the error of MoveTo if the pools' storage is not the same.
var ErrElsewhere = fault.New(fault.Unsupported, "the pools are on different storage")

// Capabilities for moving volumes between pools.
type (
	// A Mover moves a volume into another pool of the same storage without copying its data, atomically: at any
	// time the volume exists in exactly one of the pools. to is the backend of the pool target. If the name is
	// in use there, the error wraps fs.ErrExist; if the data has to be copied, it wraps [ErrElsewhere].
	Mover interface {
		MoveTo(ctx context.Context, p *pooldef.Pool, name string, to Backend, target *pooldef.Pool,
			newName string) error
	}
	// A Holder keeps a volume as it is while it is copied. Hold returns an error if the volume is in use, or has
	// snapshots inside, which a copy of its data would lose.
	Holder interface {
		Hold(ctx context.Context, p *pooldef.Pool, name string) (*host.Hold, error)
	}
	// A Comparer compares a volume with another one that it is a copy of, byte by byte as a guest sees them. If
	// they differ, Compare returns an error. source is described as for [Cloner].
	Comparer interface {
		Compare(ctx context.Context, p *pooldef.Pool, v, source *pooldef.Volume, o CloneOptions) error
	}
)
