package driver

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// A look is what one inspection of the machine has found of the users of volumes. It serves any number of
// volumes.
type look struct {
	d      *Driver
	pools  []Status // those whose definitions can be used
	byPath map[string][]*User
	byFile map[host.FileID][]*User
	files  *host.FileUsers // nil: neither processes nor the kernel were inspected
	dirs   *resolvedDirs
	listed map[string][]*pooldef.Volume // the volumes of pools that were listed; nil: addOverlays keeps none

	hidden []error // storage that could not be inspected
	// limits says which users are never seen, or not by this user: what inactive pools, broken domains and
	// other users' processes have.
	limits []error
}

// emptyLook returns a look that has found nothing yet.
func (d *Driver) emptyLook() *look {
	return &look{d: d, byPath: map[string][]*User{}, byFile: map[host.FileID][]*User{},
		dirs: d.resolvedDirs()}
}

// lookAtPools finds pools by the storage that their definitions name.
func (d *Driver) lookAtPools(ctx context.Context) (*look, error) {
	entries, err := d.Store.All()
	if err != nil {
		return nil, err
	}
	return d.lookAt(ctx, entries, func(usable []*store.Entry) []Status { return d.Statuses(ctx, usable, nil) })
}

// lookAt is lookAtPools for entries. statuses returns the states of those that can be used.
func (d *Driver) lookAt(
	ctx context.Context, entries []*store.Entry, statuses func([]*store.Entry) []Status,
) (*look, error) {
	l := d.emptyLook()
	entries = slices.DeleteFunc(slices.Clone(entries), func(entry *store.Entry) bool {
		if entry.Err != nil {
			l.limits = append(l.limits, fmt.Errorf("pool %q cannot be used: %w", entry.Name, entry.Err))
		}
		return entry.Err != nil
	})
	l.pools = statuses(entries)
	for _, s := range l.pools {
		state := stateOf(s)
		l.add(ctx, s.Pool.Target.Path, User{Kind: PoolUser, Name: s.Entry.Name, State: state, As: "target"})
		for _, device := range s.Pool.Source.Devices {
			l.add(ctx, device.Path, User{Kind: PoolUser, Name: s.Entry.Name, State: state, As: "source"})
		}
	}
	return l, ctx.Err()
}

// stateOf returns the state of a pool as a user. A pool whose storage does not answer may be active.
func stateOf(s Status) string {
	if s.Active || s.Err != nil {
		return "active"
	}
	return "inactive"
}

// lookAtReferences also finds images and domains. It reads the images of the active pools for which reads is
// true.
func (d *Driver) lookAtReferences(ctx context.Context, reads func(*pooldef.Pool) bool) (*look, error) {
	l, err := d.lookAtPools(ctx)
	if err != nil {
		return nil, err
	}
	return l, l.addReferences(ctx, reads)
}

// addReferences adds the images of active pools for which reads is true, and domains.
func (l *look) addReferences(ctx context.Context, reads func(*pooldef.Pool) bool) error {
	for _, s := range l.pools {
		switch {
		case s.Active:
		case s.Err != nil:
			l.hidden = append(l.hidden, fmt.Errorf("look for overlays in pool %q: %w", s.Entry.Name, s.Err))
		default:
			l.limits = append(l.limits,
				fmt.Errorf("pool %q is not active: its images were not inspected", s.Entry.Name))
		}
	}
	l.addOverlays(ctx, reads)
	l.addDomains(ctx)
	return ctx.Err()
}

// look also finds processes, and what the kernel uses.
func (d *Driver) look(ctx context.Context, reads func(*pooldef.Pool) bool) (*look, error) {
	l, err := d.lookAtReferences(ctx, reads)
	if err != nil {
		return nil, err
	}
	return l, l.addFiles()
}

// addFiles finds processes and what the kernel uses, for all volumes.
func (l *look) addFiles() (err error) {
	l.files, err = l.d.Host.FileUsers()
	if err == nil && l.files.Hidden > 0 {
		l.limits = append(l.limits,
			fmt.Errorf("%d processes of other users do not show what they have open", l.files.Hidden))
	}
	return err
}

// add adds a user that finds its storage by a path of this machine or, if the path is not absolute, by the
// URI of a volume.
func (l *look) add(ctx context.Context, path string, u User) {
	u.path = path
	if !filepath.IsAbs(path) {
		l.byPath[path] = append(l.byPath[path], &u)
		return
	}
	type place struct {
		path string
		file host.FileID
	}
	patience, cancel := context.WithTimeout(ctx, l.d.Timeout)
	defer cancel()
	places, err := backend.Await(patience, func() (places []place, err error) {
		followPath(path, func(next string) bool {
			file, _ := host.FileIDOf(next)
			places = append(places, place{next, file})
			return false
		})
		return places, nil
	})
	if err != nil {
		l.hidden = append(l.hidden, fmt.Errorf("%s names %q: %w", u.String(), path, err))
		return
	}
	for _, at := range places {
		addOnce(l.byPath, at.path, &u)
		if at.file != (host.FileID{}) {
			addOnce(l.byFile, at.file, &u)
		}
	}
}

// addOnce adds a user to a list, unless the user was the last one that was added.
func addOnce[K comparable](users map[K][]*User, key K, u *User) {
	if list := users[key]; len(list) == 0 || list[len(list)-1] != u {
		users[key] = append(list, u)
	}
}

// addDomains adds the domains of libvirt. A domain that is running uses what its record names.
func (l *look) addDomains(ctx context.Context) {
	domains, hidden := l.d.Store.Domains()
	l.limits = append(l.limits, hidden...)
	slices.SortStableFunc(domains, func(a, b *pooldef.Domain) int {
		switch {
		case a.Name != b.Name:
			return pooldef.CompareNames(a.Name, b.Name)
		case a.Running && !b.Running:
			return -1
		}
		return 0
	})
	for _, domain := range domains {
		state := "defined"
		if domain.Running {
			state = "running"
		}
		for _, use := range domain.Uses {
			u := User{Kind: DomainUser, Name: domain.Name, State: state, As: use.As}
			switch {
			case use.Volume != "":
				l.add(ctx, volumeKey(use.Pool, use.Volume), u)
				if target := l.d.Store.LibvirtTarget(use.Pool); target != "" {
					l.add(ctx, filepath.Join(target, use.Volume), u)
				}
			case use.Image != "":
				l.add(ctx, networkKey(use.Protocol, use.Image), u)
			default:
				l.add(ctx, use.Path, u)
			}
		}
	}
}
