package commands

import (
	"fmt"
	"io"

	"poolctl/backend/driver"
	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// VolUsers is the verb vol-users.
type VolUsers struct {
	Vol     string `position:"" placeholder:"VOL" help:"Name, key or path of the volume. Default: all volumes."`
	Pool    string `position:"" placeholder:"POOL" help:"Name or uuid of the volume's pool. Required with a name, not with a path. Default: all active pools."`
	Orphans bool   `help:"List the volumes that have no user instead, and delete nothing. Excludes <vol>."`
	output
}

// Help implements kong.HelpProvider.
func (*VolUsers) Help() string {
	return "The users of a volume are images that are based on it or keep their data in it, snapshots, " +
		"libvirt's domains (defined and running, in qemu/ of libvirt's directories), processes that have it " +
		"open, loop devices, device-mapper and MD devices, mounts, swap, and pools in it. They are found by " +
		"what their paths lead to, not by names.\n\n" +
		"Images in inactive pools and outside of pools, other machines, and backups are not known. What could " +
		"not be inspected is a warning; then --orphans has the exit status 9, because volumes that it lists " +
		"may have users. An ordinary user sees only the own processes and domains.\n\n" +
		"  poolctl vol-users base.qcow2 images\n" +
		"  poolctl vol-users --pool images -o json\n" +
		"  poolctl vol-users --orphans"
}

// userFields are the names of a user's fields in machine-readable output. They are stable.
var userFields = []string{"user", "kind", "state", "use", "pid", "volume", "path", "pool"}

// userValues returns the values of userFields.
func userValues(v *driver.VolumeUsers, u *driver.User) []any {
	values := []any{
		u.Name, string(u.Kind), orNull(u.State), orNull(u.As), nil, v.Volume.Name, orNull(v.Volume.Target.Path),
		v.Pool.Name,
	}
	if u.PID != 0 {
		values[4] = u.PID
	}
	return values
}

// Run lists users, or volumes without users.
func (c *VolUsers) Run(e *env) error {
	if c.Orphans && c.Vol != "" {
		return &usageError{"vol-users", "--orphans excludes <vol>"}
	}
	fields := userFields
	if c.Orphans {
		fields = volumeFields
	}
	if err := c.pick(fields); err != nil {
		return err
	}
	if c.Orphans {
		return c.listOrphans(e)
	}
	all, hidden, err := c.find(e)
	if err != nil {
		return fmt.Errorf("find users: %w", err)
	}
	e.warnHidden(hidden)
	if c.isForPeople() {
		return c.printTable(e, all)
	}
	if c.Output == "xml" {
		return c.printXML(e, all)
	}
	records := c.records(e, "users", userFields)
	for _, v := range all {
		for _, u := range v.Users {
			if err := records.add(userValues(&v, &u)); err != nil {
				return err
			}
		}
	}
	return records.close()
}

// find returns the volume, or all volumes, with their users.
func (c *VolUsers) find(e *env) (all []driver.VolumeUsers, hidden []error, err error) {
	if c.Vol == "" {
		return e.allUsers(c.Pool)
	}
	v, err := e.driver.FindVolume(e.ctx, c.Vol, c.Pool)
	if err != nil {
		return nil, nil, err
	}
	defer v.Unlock()
	users, hidden, err := e.driver.Users(e.ctx, v)
	return []driver.VolumeUsers{{Volume: v.Volume, Pool: v.Pool(), Users: users}}, hidden, err
}

// allUsers returns the volumes of a pool, which must be active, or of all active pools, with their users.
func (e *env) allUsers(pool string) (all []driver.VolumeUsers, hidden []error, err error) {
	if pool == "" {
		return e.driver.AllUsers(e.ctx, "")
	}
	entry, _, unlock, err := e.driver.ActivePool(e.ctx, pool)
	defer unlock()
	if err != nil {
		return nil, nil, err
	}
	return e.driver.AllUsers(e.ctx, entry.Name)
}

// warnHidden warns about what could not be inspected, and keeps it for lists in JSON.
func (e *env) warnHidden(hidden []error) {
	for _, err := range hidden {
		e.Warn("%w", err)
		e.problems = append(e.problems, jsonProblem{Text: err.Error()})
	}
}

// printTable prints a line for each user, with the volume unless only one was named.
func (c *VolUsers) printTable(e *env, all []driver.VolumeUsers) error {
	header, skip := []string{"Path", "Kind", "User", "Use"}, 0
	if c.Vol != "" {
		skip = 1
	}
	var rows [][]string
	for _, v := range all {
		for _, u := range v.Users {
			name, use := u.Name, u.As
			if u.PID != 0 {
				name = fmt.Sprintf("%d (%s)", u.PID, u.Name)
			}
			if use != "" && u.State != "" {
				use += ", "
			}
			row := []string{v.Volume.Target.Path, string(u.Kind), name, use + u.State}
			rows = append(rows, row[skip:])
		}
	}
	return e.Table(header[skip:], rows)
}

// printXML prints an element for each user.
func (c *VolUsers) printXML(e *env, all []driver.VolumeUsers) error {
	root := &xmltree.Element{Name: "users", Open: true}
	for _, v := range all {
		for _, u := range v.Users {
			pid := ""
			if u.PID != 0 {
				pid = fmt.Sprint(u.PID)
			}
			user := root.Add(xmltree.NewElement("user", "kind", string(u.Kind), "state", u.State, "pid", pid))
			user.AddText("name", u.Name).AddText("use", u.As).AddText("volume", v.Volume.Target.Path)
		}
	}
	_, err := io.WriteString(e.Results, root.String())
	return err
}

// listOrphans lists volumes without users, with their sizes.
func (c *VolUsers) listOrphans(e *env) error {
	all, hidden, err := e.allUsers(c.Pool)
	if err != nil {
		return fmt.Errorf("find volumes without users: %w", err)
	}
	e.warnHidden(hidden)
	printer := e.volumePrinter(&c.output, true)
	for _, orphan := range driver.Orphans(all) {
		v := e.detailsOf(orphan)
		if err := printer.add(v); err != nil {
			return err
		}
		if v.Err != nil {
			e.Warn("volume %q: %w", v.Name, v.Err)
		}
	}
	if err := printer.close(); err != nil || len(hidden) == 0 {
		return err
	}
	return errPartial
}

// detailsOf returns a volume with its sizes. If they cannot be determined, the volume's Err says why.
func (e *env) detailsOf(of driver.VolumeUsers) *pooldef.Volume {
	if of.Volume.Capacity.Known || of.Volume.Err != nil {
		return of.Volume
	}
	v, err := e.driver.Backends[of.Pool.Type].Volume(e.ctx, of.Pool, of.Volume.Name)
	if err != nil {
		v = of.Volume
		v.Err = err
	}
	return v
}
