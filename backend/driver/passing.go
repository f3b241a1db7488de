package driver

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Other poolctl processes open volumes and directories for a moment, to inspect them. A verb that must not
// find them in use waits for them: it looks again after pause, and the last time when passing is over,
// however long each look takes.
const (
	passing = 2 * time.Second
	pause   = 50 * time.Millisecond
)

// program is this program's name, as the kernel shows it.
const program = "poolctl"

// afterPassing calls change again as long as it fails because other poolctl processes use something, or users
// that cannot be found, because they have gone meanwhile.
func (d *Driver) afterPassing(ctx context.Context, change func() error) error {
	var err error
	_ = whilePassing(ctx, func(isFirst bool) bool {
		if !isFirst {
			d.Host.Invalidate()
		}
		err = change()
		busy, isBusy := errors.AsType[*backend.BusyError](err)
		return isBusy && isPassing(busy)
	})
	return err
}

// whilePassing calls look as long as it reports that only passing processes are in the way.
func whilePassing(ctx context.Context, look func(isFirst bool) bool) error {
	begin := time.Now()
	for isFirst := true; ; isFirst = false {
		isLast := time.Since(begin) > passing
		if !look(isFirst) || isLast {
			return nil
		}
		if err := host.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

func isPassing(busy *backend.BusyError) bool {
	return !slices.ContainsFunc(busy.Users, func(user string) bool {
		return !strings.Contains(user, "("+program+")")
	})
}

// usersAfterPassing returns the users of a volume as users does, without poolctl processes that read the
// volume only for a moment.
func (l *look) usersAfterPassing(ctx context.Context, p *pooldef.Pool, v *pooldef.Volume) ([]User, error) {
	var users []User
	var err error
	ended := whilePassing(ctx, func(isFirst bool) bool {
		if !isFirst {
			err = l.addFiles()
		}
		if err == nil {
			users, err = l.users(ctx, p, v)
		}
		return err == nil && mayPass(users)
	})
	if err = cmp.Or(err, ended); err != nil {
		return nil, err
	}
	return users, nil
}

// mayPass reports whether all processes among the users, of which there are some, are poolctl and only read.
func mayPass(users []User) bool {
	readers, processes := 0, 0
	for _, u := range users {
		if u.Kind == ProcessUser {
			processes++
			if u.Name == program && u.State == "reading" {
				readers++
			}
		}
	}
	return readers > 0 && readers == processes
}
