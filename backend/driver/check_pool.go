package driver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/check"
	"poolctl/backend/fault"
	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// errUnusable says why nothing is known of a pool whose definition cannot be used.
var errUnusable = errors.New("its definition cannot be used")

// checkPool looks for what may be wrong with one pool.
func (d *Driver) checkPool(ctx context.Context, entry *store.Entry) *CheckedPool {
	c := &CheckedPool{Name: entry.Name, Entry: entry, Answered: true}
	if !d.checkDefinitions(c) {
		c.Unknown = errUnusable
		return c
	}
	b := d.Backends[c.Pool.Type]
	d.checkTools(c, b)
	if d.checkState(ctx, c, b); !c.Active {
		return c
	}
	d.checkSpace(ctx, c, b)
	d.checkDirectory(ctx, c)
	if c.Space != nil {
		d.checkVolumes(ctx, c, b)
	}
	return c
}

// checkState finds out whether a pool is active, and adds a finding if it is not as it should be. Where the
// next query also shows that, the pool is active unless checkSpace finds otherwise.
func (d *Driver) checkState(ctx context.Context, c *CheckedPool, b backend.Backend) {
	var err error
	if c.Active = checksActive(b, c.Entry); !c.Active {
		c.Active, err = d.active(ctx, c.Entry)
		c.Unknown = err
	}
	switch {
	case err != nil:
		c.addError("inactive", err)
	case !c.Active && (c.Entry.Autostart || c.Entry.Started != nil):
		switch _, err = d.space(ctx, b, c.Pool); {
		case err == nil:
			text := "enabled for start at boot, but not active"
			c.add(check.New("inactive", text, shell.Join("poolctl", "pool-start", c.Name)))
		case isGuard(err):
			c.add(check.New("mount-point", err.Error(), fault.Hint(err, fault.State)))
		default:
			c.addError("inactive", err)
		}
	case c.Active && c.Entry.File != "" && !c.Entry.Autostart:
		c.add(check.New("autostart-missing", "active, but not enabled for start at boot",
			shell.Join("poolctl", "pool-autostart", c.Name)))
	}
}

// isGuard reports whether an error says that nothing is mounted at a directory that must be a mount point.
func isGuard(err error) bool {
	e, ok := errors.AsType[*backend.NotReadyError](err)
	return ok && !e.Build && !e.Start && e.Link == nil
}

// checkSpace adds the figures of a pool's space. What is not available counts as used: in a cluster, others
// may use it. The space of pools in which nothing can be created is always used completely, and is no figure.
func (d *Driver) checkSpace(ctx context.Context, c *CheckedPool, b backend.Backend) {
	space, found, err := d.spaceToCheck(ctx, c, b)
	defer func() { c.add(found...) }()
	if err != nil {
		c.Active = c.Active && !checksActive(b, c.Entry)
		c.Unknown = err
		c.addError("inactive", err)
		return
	}
	c.Space = &space
	if _, creates := b.(backend.Creator); !creates {
		return
	}
	if space.Capacity > 0 {
		used := percent(space.Capacity-min(space.Available, space.Capacity), space.Capacity)
		c.add(check.Figure("capacity", "", used, fmt.Sprintf("%s used", percentText(used)), ""))
	}
	if space.Inodes > 0 {
		used := percent(space.Inodes-min(space.InodesFree, space.Inodes), space.Inodes)
		c.add(check.Figure("inodes", "", used, fmt.Sprintf("%s of the inodes used", percentText(used)), ""))
	}
}

// spaceToCheck returns a pool's space, and what the same query has found.
func (d *Driver) spaceToCheck(
	ctx context.Context, c *CheckedPool, b backend.Backend,
) (pooldef.Space, []check.Finding, error) {
	checker, ok := b.(backend.SpaceChecker)
	if !ok {
		space, err := d.space(ctx, b, c.Pool)
		return space, nil, err
	}
	type answer struct {
		space pooldef.Space
		found []check.Finding
	}
	a, err := ask(ctx, d, c.Pool, func() (a answer, err error) {
		a.space, a.found, err = checker.CheckSpace(ctx, c.Pool)
		return a, err
	})
	return a.space, a.found, err
}

// percent returns a part of a whole in percent.
func percent(part, whole uint64) float64 { return float64(part) / float64(whole) * 100 }

// percentText rounds down, so that a text never shows 100% of something that is not full.
func percentText(value float64) string { return fmt.Sprintf("%d%%", int(value)) }

// checkDirectory adds findings about the directory of a pool: its file system, and its permissions.
func (d *Driver) checkDirectory(ctx context.Context, c *CheckedPool) {
	path := c.Pool.Target.Path
	if path == "" || !c.Answered {
		return
	}
	at, err := ask(ctx, d, c.Pool, func() (string, error) { return d.Host.Canonical(path), nil })
	mounts, mountsErr := d.Host.Mounts()
	if err = errors.Join(err, mountsErr); err != nil {
		c.addError("unreadable", err)
		return
	}
	m := host.MountOf(mounts, at)
	if m != nil && m.IsReadOnly && !slices.Contains(c.Pool.MountOptions, "ro") {
		c.add(check.New("read-only", fmt.Sprintf("the file system at %q is read-only", m.Target),
			"dmesg"))
	}
	want := c.Pool.Target.Permissions
	if want.Mode == nil && want.Owner == nil && want.Group == nil {
		return
	}
	is, err := d.ReadStatus(ctx, c.Pool)
	if err != nil {
		c.addError("unreadable", err)
		return
	}
	d.checkPermissions(c, want, is.Target.Permissions, at)
}

// checkPermissions adds the finding that a directory has other permissions than its definition says.
func (d *Driver) checkPermissions(c *CheckedPool, want, is pooldef.Permissions, path string) {
	var differences, fixes []string
	compare := func(name, command, format string, want, is *uint32) {
		if want != nil && is != nil && *want != *is {
			wanted := fmt.Sprintf(format, *want)
			differences = append(differences, fmt.Sprintf("%s is "+format+", not %s", name, *is, wanted))
			fixes = append(fixes, shell.Join(command, wanted, path))
		}
	}
	compare("mode", "chmod", "%04o", want.Mode, is.Mode)
	compare("owner", "chown", "%d", want.Owner, is.Owner)
	compare("group", "chgrp", "%d", want.Group, is.Group)
	if differences != nil {
		text := fmt.Sprintf("%q: %s", path, strings.Join(differences, "; "))
		c.add(check.New("permissions", text, strings.Join(fixes, " && ")))
	}
	if want.Owner == nil || *want.Owner == 0 {
		return
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		info, err := d.Host.Stat(dir)
		if err == nil && info.Mode()&0o111 == 0o100 && !host.IsOwner(info, *want.Owner) {
			text := fmt.Sprintf("%q: user %d cannot pass it to reach the pool", dir, *want.Owner)
			c.add(check.New("permissions", text, shell.Join("chmod", "o+x", dir)))
		}
		if dir == string(os.PathSeparator) {
			return
		}
	}
}

// checkVolumes lists a pool's volumes, and adds the findings of its backend.
func (d *Driver) checkVolumes(ctx context.Context, c *CheckedPool, b backend.Backend) {
	unreadable, first := 0, error(nil)
	for v, err := range d.Details(ctx, b, c.Pool) {
		if err != nil {
			c.Unknown = err
			if !errors.As(err, new(*backend.PartialError)) {
				c.addError("inactive", err)
			}
			break
		}
		if v.Err != nil && v.Type == "file" {
			unreadable++
			first = cmp.Or(first, v.Err)
		}
		c.Volumes = append(c.Volumes, v)
	}
	c.checkOvercommit(b)
	if unreadable > 0 {
		text := fmt.Sprintf("%d of %d volumes cannot be read, for example: %v", unreadable, len(c.Volumes), first)
		c.add(check.New("unreadable", text, fault.Hint(first, fault.Of(first))))
	}
	if finder, ok := b.(backend.StaleFinder); ok {
		left, err := finder.FindStale(ctx, c.Pool)
		if err != nil {
			c.addError("unreadable", err)
		}
		if len(left) > 0 {
			text := fmt.Sprintf("%d left by killed commands, for example %q", len(left), left[0])
			c.add(check.New("leftovers", text, shell.Join("poolctl", "pool-refresh", c.Name)))
		}
	}
	if checker, ok := b.(backend.Checker); ok {
		found, err := checker.Check(ctx, c.Pool, c.Volumes)
		c.add(found...)
		if err != nil {
			c.addError("inactive", err)
		}
	}
}

// checkOvercommit adds the figure of the volumes' capacities, compared with the pool's.
func (c *CheckedPool) checkOvercommit(b backend.Backend) {
	if _, creates := b.(backend.Creator); !creates || c.Space.Capacity == 0 {
		return
	}
	percent := c.Virtual() / float64(c.Space.Capacity) * 100
	text := fmt.Sprintf("%s of the capacity promised to guests", percentText(percent))
	c.add(check.Figure("overcommit", "", percent, text, shell.Join("poolctl", "vol-list", c.Name, "--details")))
}

// checkTools adds findings about programs that pools of the type need and that are missing.
func (d *Driver) checkTools(c *CheckedPool, b backend.Backend) {
	user, ok := b.(backend.ToolUser)
	if !ok {
		return
	}
	for _, tool := range user.Tools(c.Pool) {
		if err := host.FindTool(tool); err != nil {
			c.addError("tools", err)
		}
	}
}
