package driver

import (
	"context"
	"fmt"

	"poolctl/backend"
	"poolctl/backend/check"
	"poolctl/backend/host/shell"
)

// checkOrphans adds findings about volumes that nothing uses. What cannot be inspected within ctx's time
// limit may hide users: the finding is then unreadable.
func (d *Driver) checkOrphans(ctx context.Context, pools []*CheckedPool) {
	type answer struct {
		all    []VolumeUsers
		hidden []error
	}
	a, err := backend.Await(ctx, func() (a answer, err error) {
		a.all, a.hidden, err = d.AllUsers(ctx, "")
		return a, err
	})
	if err != nil {
		a.hidden = append(a.hidden, err)
	}
	orphans := map[string][]string{}
	for _, v := range Orphans(a.all) {
		orphans[v.Pool.Name] = append(orphans[v.Pool.Name], v.Volume.Name)
	}
	for _, c := range pools {
		names := orphans[c.Name]
		switch show := shell.Join("poolctl", "vol-users", "--orphans", "--pool", c.Name); {
		case !c.Active:
		case len(a.hidden) > 0:
			c.add(check.New("unreadable", fmt.Sprintf("users of volumes cannot be found: %v", a.hidden[0]), show))
		case len(names) > 0:
			c.add(check.New("orphans", fmt.Sprintf("%d of %d volumes have no user, for example %q", len(names),
				len(c.Volumes), names[0]), show))
		}
	}
}
