package commands

import (
	"context"

	"poolctl/backend/driver"
	"poolctl/backend/host"
)

// overwriting is the option of verbs that change the data of a volume.
type overwriting struct {
	InUse bool `help:"Change it even if images are based on it. What they read of it changes, too."`
}

// changeVolume calls change for a volume, with progress, and reports the volume.
func (e *env) changeVolume(args *volumeArgs, change func(*driver.Volume, host.Progress) error) error {
	return e.changeFound(e.driver.FindVolume, args, change)
}

// changeFound is changeVolume for a volume that find finds and locks.
func (e *env) changeFound(
	find func(ctx context.Context, name, pool string) (*driver.Volume, error), args *volumeArgs,
	change func(*driver.Volume, host.Progress) error,
) error {
	v, err := find(e.ctx, args.Vol, args.Pool)
	if err != nil {
		return err
	}
	defer v.Unlock()
	progress, done := e.Progress()
	defer done()
	if err := change(v, progress); err != nil {
		return err
	}
	e.reportVolume(v.Backend, v.Pool(), v.Name, v.Volume)
	return nil
}
