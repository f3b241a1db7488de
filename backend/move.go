package backend

import (
	"context"

	"poolctl/backend/fault"
	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
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
	// A Holder keeps a volume as it is while it is copied. Hold returns an error if the volume is in use.
	Holder interface {
		Hold(ctx context.Context, p *pooldef.Pool, name string) (Held, error)
	}
	// A Held volume cannot change until Release, or Check returns an error if it has changed since Hold, or is
	// in use. Release may be called more than once.
	Held interface {
		Check(ctx context.Context) error
		Release(ctx context.Context) error
	}
	// A Comparer compares a volume with another one that has the same data, byte by byte as a guest sees them.
	// If they differ, Compare returns an error. other is described as the source of a [Cloner] is; o.From is
	// its pool.
	Comparer interface {
		Compare(ctx context.Context, p *pooldef.Pool, v, other *pooldef.Volume, o CloneOptions) error
	}
)

// HoldFile implements [Holder] for a file or device, by its handle.
func HoldFile(h *safeopen.Handle) (Held, error) {
	held, err := host.NewHold(h)
	if err != nil {
		return nil, err
	}
	return heldFile{held, h.Path}, nil
}

type heldFile struct {
	hold *host.Hold
	path string
}

func (h heldFile) Check(context.Context) error { return h.hold.Check(h.path) }

func (h heldFile) Release(context.Context) error {
	h.hold.Release()
	return nil
}
