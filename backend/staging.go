package backend

import (
	"context"
	"errors"
	"io/fs"

	"poolctl/backend/host"
)

// Staging creates an object under a temporary name and renames the object when it is complete, so that no
// other process sees half of it. Backends use it where storage has no staging directories: LVM, ZFS, Ceph.
type Staging struct {
	Names *host.TempNames

	// Create creates and fills the object under the temporary name. On error, it may leave the object.
	Create func(temp string) error

	// Rename gives the object its final name. If another object has that name, the error wraps fs.ErrExist.
	Rename func(temp string) error

	// Remove removes the object after an error, if the object exists. maybeRenamed means that a failed rename
	// may have taken effect, so the object may have its final name.
	Remove func(ctx context.Context, temp string, maybeRenamed bool) error
}

// Run creates the object. If a step fails, Run removes the object, even if ctx is done, and returns the
// errors of both.
func (s Staging) Run(ctx context.Context) error {
	temp := s.Names.New()
	defer s.Names.Release(temp)
	err, maybeRenamed := s.Create(temp), false
	if err == nil {
		err = s.Rename(temp)
		maybeRenamed = !errors.Is(err, fs.ErrExist)
	}
	if err == nil {
		return nil
	}
	return errors.Join(err, s.Remove(context.WithoutCancel(ctx), temp, maybeRenamed))
}
