package driver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// A UserKind is a kind of user of a volume.
type UserKind string

// The kinds of users.
const (
	// an image that stores only its differences from the volume, or its data in it
	OverlayUser UserKind = "overlay"
	// a volume that shares blocks with the volume, known to the storage itself
	SnapshotUser UserKind = "snapshot"
	DomainUser   UserKind = "domain" // a virtual machine of libvirt
	ProcessUser  UserKind = "process"
	KernelUser   UserKind = "kernel" // loop devices, device-mapper, MD, mounts, swap
	PoolUser     UserKind = "pool"   // a pool whose storage is in the volume
)

// A User is something that uses a volume.
type User struct {
	Kind  UserKind
	Name  string // of the domain, pool or program; the path of an image; how the kernel uses the volume
	PID   int    // of a process; 0 for other kinds
	State string // running, defined; active, inactive; reading, writing; "" for other kinds
	As    string // what the volume is for the user: backing file, data file, vda, target, source; may be empty

	path     string // that the user names
	format   string // of the backing file, as the overlay records it
	needsOld bool   // the user finds the volume by the volume's own path, or by the only name that the file has
}

// String describes the user in errors.
func (u *User) String() string {
	switch {
	case u.PID != 0:
		return fmt.Sprintf("process %d (%s)", u.PID, u.Name)
	case u.Kind == KernelUser:
		return u.Name
	case u.Kind == OverlayUser:
		return fmt.Sprintf("%q", u.Name)
	}
	return fmt.Sprintf("%s %q", u.Kind, u.Name)
}

// A VolumeUsers is a volume with its users.
type VolumeUsers struct {
	Volume *pooldef.Volume
	Pool   *pooldef.Pool
	Users  []User
	// IsSnapshot reports whether the volume is a snapshot that keeps a state of another one (logical).
	IsSnapshot bool
}

// Users returns a volume's users. hidden says what could not be inspected, and may hide further users.
func (d *Driver) Users(ctx context.Context, v *Volume) (users []User, hidden []error, err error) {
	look, err := d.look(ctx, isAnything)
	if err != nil {
		return nil, nil, err
	}
	users, err = look.users(ctx, v.Pool(), v.Volume)
	return users, append(look.hidden, look.limits...), err
}

// AllUsers returns the volumes of a pool with their users, or those of all active pools if nameOrUUID is
// empty. It inspects the machine once for all of them, and lists each pool once.
func (d *Driver) AllUsers(
	ctx context.Context, nameOrUUID string,
) (all []VolumeUsers, hidden []error, err error) {
	look, err := d.lookAtPools(ctx)
	if err != nil {
		return nil, nil, err
	}
	look.listed = map[string][]*pooldef.Volume{}
	return look.allUsers(ctx, func(s *Status) bool {
		return nameOrUUID == "" || s.Entry.Name == nameOrUUID || s.Pool.UUID == nameOrUUID
	})
}

// allUsers returns the volumes with their users of the active pools for which isWanted is true.
func (l *look) allUsers(
	ctx context.Context, isWanted func(*Status) bool,
) (all []VolumeUsers, hidden []error, err error) {
	if err := errors.Join(l.addReferences(ctx, isAnything), l.addFiles()); err != nil {
		return nil, nil, err
	}
	for _, s := range l.pools {
		if !s.Active || !isWanted(&s) {
			continue
		}
		volumes := l.volumes(ctx, s)
		kept := l.kept(ctx, s, volumes)
		for _, v := range volumes {
			users, err := l.users(ctx, s.Pool, v)
			if err != nil {
				return nil, nil, err
			}
			all = append(all, VolumeUsers{v, s.Pool, users, kept[v.Name]})
		}
	}
	return all, append(l.hidden, l.limits...), ctx.Err()
}

// kept returns the names of those volumes of an active pool that are snapshots: in a volume group, these are
// volumes themselves.
func (l *look) kept(ctx context.Context, s Status, volumes []*pooldef.Volume) map[string]bool {
	b, ok := l.d.Backends[s.Pool.Type].(backend.Snapshotter)
	hasOrigin := func(v *pooldef.Volume) bool { return v.Backing != nil }
	if !ok || s.Pool.Type != pooldef.Logical || !slices.ContainsFunc(volumes, hasOrigin) {
		return nil
	}
	all, err := b.Snapshots(ctx, s.Pool, "")
	if err != nil {
		l.hidden = append(l.hidden, fmt.Errorf("list snapshots of pool %q: %w", s.Entry.Name, err))
	}
	kept := map[string]bool{}
	for _, snapshot := range all {
		kept[snapshot.Name] = true
	}
	return kept
}

// Orphans returns the volumes that have no users, except the snapshots that keep states of others.
func Orphans(all []VolumeUsers) []VolumeUsers {
	return slices.DeleteFunc(
		slices.Clone(all), func(v VolumeUsers) bool { return v.IsSnapshot || len(v.Users) > 0 },
	)
}

// usedHints are the hints of the errors that a volume is used.
type usedHints struct{ overlays, others string }

// checkUnused returns an error if something uses a volume that is to disappear: images, active pools, running
// domains, processes, or the kernel. Backends check themselves whether their devices are in use. What cannot
// be inspected is a warning. The users that do not matter are returned.
func (d *Driver) checkUnused(ctx context.Context, v *Volume, hints usedHints) ([]User, error) {
	users, err := d.usersOf(ctx, v, v.Type != "block" && v.Type != "dir")
	if err != nil {
		return nil, err
	}
	if err := checkNoOverlays(overlaysIn(users), hints.overlays); err != nil {
		return nil, err
	}
	if v.Type == "block" {
		return users, nil
	}
	if err := checkNoPool(v.Entry.Name, users); err != nil {
		return nil, err
	}
	if v.Type == "dir" {
		return users, nil
	}
	return users, checkIdle(v.Target.Path, users, hints.others)
}

// usersOf returns the users of a volume that is to change. What cannot be inspected is a warning. Processes
// and the kernel, which only use what this machine has, are inspected if busy is set; poolctl processes that
// are only passing are waited for.
func (d *Driver) usersOf(ctx context.Context, v *Volume, busy bool) ([]User, error) {
	name, inspect := nameOf(v.Pool(), v.Volume), d.lookAtReferences
	if busy && name.isLocal() {
		inspect = d.look
	}
	look, err := inspect(ctx, name.isKnownTo)
	if err != nil {
		return nil, err
	}
	for _, hidden := range look.hidden {
		d.Warn("%w", hidden)
	}
	return look.usersAfterPassing(ctx, v.Pool(), v.Volume)
}

// checkNoOverlays returns an error that names the overlays of a volume.
func checkNoOverlays(overlays []User, hint string) error {
	if len(overlays) == 0 {
		return nil
	}
	return &backend.StateError{
		Text: fmt.Sprintf("it is the %s of %s", overlays[0].As, namesOf(overlays)), Hint: hint,
	}
}

// checkIdle returns an error if a process, a running domain or the kernel is among the users of a volume
// whose name is to disappear. Users that find its data by another name do not matter.
func checkIdle(path string, users []User, hint string) error {
	needOld := slices.DeleteFunc(slices.Clone(users), func(u User) bool { return !u.needsOld })
	return checkNotOpen(path, needOld, hint)
}

// checkNotOpen is checkIdle for a volume whose data are to change, for all users of these.
func checkNotOpen(path string, users []User, hint string) error {
	var busy []string
	for _, u := range users {
		isUse := u.Kind == ProcessUser || u.Kind == KernelUser || u.State == "running"
		if isUse && len(busy) < maxNamed {
			busy = append(busy, u.String())
		}
	}
	if busy == nil {
		return nil
	}
	return &inUseError{backend.BusyError{Path: path, Users: busy}, hint}
}

// checkContainsNoPool returns an error if an active pool is in a volume that is to disappear.
func (d *Driver) checkContainsNoPool(ctx context.Context, v *Volume) error {
	if v.Type == "block" {
		return nil
	}
	look, err := d.lookAtPools(ctx)
	if err != nil {
		return err
	}
	users, err := look.users(ctx, v.Pool(), v.Volume)
	if err != nil {
		return err
	}
	return checkNoPool(v.Entry.Name, users)
}

// An inUseError reports that a volume is in use that must not be.
type inUseError struct {
	backend.BusyError
	hint string
}

// HintLine implements [fault.Hinter].
func (e *inUseError) HintLine() string { return e.hint }

// maxNamed is how many users an error names.
const maxNamed = 3

// overlaysIn returns the overlays that lose their data if the volume loses its path.
func overlaysIn(users []User) (overlays []User) {
	for _, u := range users {
		if u.Kind == OverlayUser && u.needsOld {
			overlays = append(overlays, u)
		}
	}
	return overlays
}

// basedOn returns the overlays that read data of the volume, by whatever path, except the image at a path.
func basedOn(users []User, except string) (overlays []User) {
	for _, u := range users {
		if u.Kind == OverlayUser && u.Name != except {
			overlays = append(overlays, u)
		}
	}
	return overlays
}

// namesOf returns the names of a few users, and how many more there are.
func namesOf(users []User) string {
	var names []string
	for _, u := range users[:min(maxNamed, len(users))] {
		names = append(names, u.String())
	}
	text := strings.Join(names, ", ")
	if more := len(users) - maxNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// stopHint returns the hint that stops a pool.
func stopHint(pool string) string { return "poolctl pool-destroy " + shell.Quote(pool) + " stops it" }

// isAnything is the condition that every pool meets.
func isAnything(*pooldef.Pool) bool { return true }
