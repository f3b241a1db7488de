package driver

import (
	"context"
	"fmt"

	"poolctl/backend"
	"poolctl/backend/check"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// checkOrphans adds findings about volumes that nothing uses. all are the entries of all pools. The pools
// that were checked are not listed again. What cannot be inspected within ctx's time limit may hide users:
// the finding is then unreadable.
func (d *Driver) checkOrphans(ctx context.Context, pools []*CheckedPool, all []*store.Entry) {
	type answer struct {
		all    []VolumeUsers
		hidden []error
	}
	a, err := backend.Await(ctx, func() (a answer, err error) {
		a.all, a.hidden, err = d.usersOfChecked(ctx, pools, all)
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

// usersOfChecked returns the volumes of pools that were checked, with their users. hidden says what could not
// be inspected.
func (d *Driver) usersOfChecked(
	ctx context.Context, pools []*CheckedPool, all []*store.Entry,
) (users []VolumeUsers, hidden []error, err error) {
	checked := map[string]*CheckedPool{}
	listed := map[string][]*pooldef.Volume{}
	for _, c := range pools {
		if checked[c.Name] = c; c.Active && c.Unknown == nil {
			listed[c.Name] = c.Volumes
		}
	}
	status := func(entry *store.Entry) Status {
		if c := checked[entry.Name]; c != nil {
			return Status{Entry: entry, Pool: entry.Current(), Active: c.Active && c.Unknown == nil, Err: c.Unknown}
		}
		return d.Status(ctx, entry)
	}
	l, err := d.lookAt(ctx, all, func(usable []*store.Entry) []Status { return InParallel(usable, status) })
	if err != nil {
		return nil, nil, err
	}
	l.listed = listed
	return l.allUsers(ctx, func(s *Status) bool { return checked[s.Entry.Name] != nil })
}
