package driver

import (
	"context"
	"fmt"
	"path/filepath"

	"poolctl/backend"
	"poolctl/pooldef"
)

// checkNoPoolAt returns an error if an active pool other than self is in the directory, or behind the link,
// at a path.
func (d *Driver) checkNoPoolAt(ctx context.Context, self, path string) error {
	look, err := d.lookAtPools(ctx)
	if err != nil {
		return err
	}
	parent := &pooldef.Pool{Name: self, Target: pooldef.Target{Path: filepath.Dir(path)}}
	at := &pooldef.Volume{Type: "dir", Name: filepath.Base(path), Target: pooldef.VolumeTarget{Path: path}}
	users, err := look.users(ctx, parent, at)
	if err != nil {
		return err
	}
	return checkNoPool(self, users)
}

// checkNoPool returns an error if an active pool other than self is in a volume that is to disappear.
func checkNoPool(self string, users []User) error {
	for _, u := range users {
		if u.Kind == PoolUser && u.State == "active" && u.needsOld && u.Name != self {
			return &backend.StateError{Text: fmt.Sprintf("it contains the active pool %q", u.Name),
				Hint: stopHint(u.Name)}
		}
	}
	return nil
}
