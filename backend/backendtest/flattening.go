package backendtest

import (
	"context"
	"errors"

	"poolctl/backend"
	"poolctl/backend/host/safeopen"
	"poolctl/pooldef"
)

// testFlattenFaults injects a fault into each change of making a volume independent of the one that it is
// based on.
func (s *suite) testFlattenFaults() {
	s.failEachChange(s.setUpFlattening(), s.faultsWithoutKills()...)
	s.removeFlattened()
}

// testKilledFlattening kills processes at each change of the same.
func (s *suite) testKilledFlattening(test string) {
	s.killDuring(test, s.setUpFlattening())
	s.removeFlattened()
}

// setUpFlattening sets up the pool with a volume that is based on another one, and returns the operation that
// makes it independent. The volume must have its data at all times.
func (s *suite) setUpFlattening() operation {
	s.Helper()
	requireCapability[backend.Flattener](s)
	_, data := s.setUpSource("neighbour")
	base := s.lookUp("neighbour")
	overlay := s.defineVolume("v")
	overlay.Capacity = pooldef.Size{}
	overlay.Backing = &pooldef.VolumeTarget{Path: base.Target.Path, Format: base.Target.Format}
	create := func(ctx context.Context, b backend.Backend) error {
		return b.(backend.Creator).Create(ctx, s.pool, overlay, backend.CreateOptions{})
	}
	switch err := create(s.Context(), s.b); {
	case errors.As(err, new(pooldef.Problems)):
		s.Skip("volumes of this format cannot be based on others")
	default:
		s.ok(err)
	}
	op := operation{name: "flatten", irreversible: true}
	op.do = func(ctx context.Context, b backend.Backend) error {
		return crashOperations["flatten"](ctx, s.Options, b, s.pool)
	}
	op.done = func() bool {
		s.checkOverlayData(data)
		return s.lookUp("v").Backing == nil
	}
	op.undo = func(ctx context.Context, b backend.Backend) error {
		if err := b.(backend.Deleter).Delete(ctx, s.pool, "v"); err != nil {
			return err
		}
		return create(ctx, b)
	}
	return op
}

// checkOverlayData fails the test unless a guest sees the data in the volume, which may be based on another
// one. A download of an image has only what the image itself contains, so a copy of the guest's data is
// compared.
func (s *suite) checkOverlayData(data []byte) {
	s.Helper()
	name := "v"
	if s.isImage() {
		v, err := exportVolume(s.Context(), s.b, s.pool, name)
		s.ok(err)
		o := s.cloneOptions(s.pool)
		o.MayRead = anyBackingFile
		name = "copy"
		s.ok(s.b.(backend.Cloner).Clone(s.Context(), s.pool, s.defineClone(v, name), v, o))
		defer s.remove(name)
	}
	s.checkData(name, data, "based on another volume, or flattened")
}

// removeFlattened checks that nothing is left that keeps the volume from being deleted that another one was
// based on.
func (s *suite) removeFlattened() {
	s.Helper()
	s.ok(crashOperations["flatten"](s.Context(), s.Options, s.b, s.pool))
	s.remove("neighbour")
	s.remove("v")
}

// anyBackingFile is a backend.MayRead that permits every backing file.
func anyBackingFile(string, *safeopen.Handle) error { return nil }
