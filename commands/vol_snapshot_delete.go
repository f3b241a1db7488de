package commands

import (
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"poolctl/backend/driver"
	"poolctl/format/lazy"
	"poolctl/pooldef"
)

// VolSnapshotDelete is the verb vol-snapshot-delete.
type VolSnapshotDelete struct {
	Vol        string `arg:"" help:"Name, key or path of the volume."`
	Snapshot   string `arg:"" help:"Name of the snapshot; with --keep or --keep-within a pattern, such as 'daily-*' or '*'."`
	Pool       string `position:"" placeholder:"POOL" help:"Name or uuid of the volume's pool. Required with a name, not with a path."`
	Keep       count  `placeholder:"N" help:"Delete all snapshots that match the pattern, except the N newest."`
	KeepWithin age    `placeholder:"TIME" help:"Delete all that match the pattern, except those that are not older: 12h, 7d, 4w."`
	changing
}

// Help implements kong.HelpProvider.
func (*VolSnapshotDelete) Help() string {
	return "A snapshot that clones depend on is not deleted. With both --keep and --keep-within, a snapshot " +
		"is kept if one of them keeps it; --dry-run shows what would be deleted.\n\n" +
		"  poolctl vol-snapshot-delete disk.qcow2 before-upgrade images\n" +
		"  poolctl vol-snapshot-delete vm1 'daily-*' tank --keep 7 --dry-run\n" +
		"  poolctl vol-snapshot-delete vm1 '*' tank --keep 3 --keep-within 4w"
}

// Run deletes one snapshot, or those that are too old.
func (c *VolSnapshotDelete) Run(e *env) error {
	args := snapshotArgs{Vol: c.Vol, Snapshot: c.Snapshot, Pool: c.Pool}
	rule := driver.Retention{Newest: int(c.Keep), Within: time.Duration(c.KeepWithin)}
	if rule == (driver.Retention{}) {
		return args.withVolume(e, "delete", func(v *driver.Volume) error { return c.delete(e, v, c.Snapshot) })
	}
	if _, err := path.Match(pathPattern(c.Snapshot), ""); err != nil {
		return &usageError{"vol-snapshot-delete", fmt.Sprintf("%q is not a pattern", c.Snapshot)}
	}
	return c.deleteExpired(e, args, rule)
}

// deleteExpired deletes the snapshots that match the pattern and that the rule does not keep. The error is
// errPartial if some of several could not be deleted.
func (c *VolSnapshotDelete) deleteExpired(e *env, args snapshotArgs, rule driver.Retention) error {
	var failed []error
	deleted := 0
	err := args.withVolume(e, "delete", func(v *driver.Volume) error {
		all, err := e.driver.Snapshots(e.ctx, v.Backend, v.Pool(), v.Name)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(s *pooldef.Snapshot) bool {
			matches, _ := path.Match(pathPattern(c.Snapshot), pathName(s.Name))
			return !matches
		})
		for _, s := range rule.Expired(all, time.Now()) {
			if err := c.delete(e, v, s.Name); err != nil {
				failed = append(failed, fmt.Errorf("delete snapshot %q of volume %q: %w", s.Name, c.Vol, err))
			} else {
				deleted++
			}
		}
		return nil
	})
	if err != nil || deleted == 0 || e.ctx.Err() != nil {
		return errors.Join(append(failed, err)...)
	}
	return e.reportFailed(failed)
}

// reportFailed reports the errors of some of several objects, if there are any.
func (e *env) reportFailed(failed []error) error {
	_ = e.Flush() // what was done; Finish returns the error
	for _, err := range failed {
		e.reportPart(err)
	}
	if failed != nil {
		return errPartial
	}
	return nil
}

// brackets finds the classes of a pattern, and characters after a backslash.
var brackets = lazy.Regexp(`(?s)\\.|\[(?:\\.|[^\]\\])*`)

// pathPattern converts a pattern of the shell (glob(7)) to one of [path.Match], for names that pathName has
// converted: a class that begins with ! is negated, and a slash is a character like others.
func pathPattern(pattern string) string {
	return pathName(brackets().ReplaceAllStringFunc(pattern, func(part string) string {
		if rest, negated := strings.CutPrefix(part, "[!"); negated {
			return "[^" + rest
		}
		return part
	}))
}

// pathName returns a name without slashes, which * and ? of [path.Match] do not match.
func pathName(name string) string { return strings.ReplaceAll(name, "/", "\x00") }

// delete deletes one snapshot.
func (*VolSnapshotDelete) delete(e *env, v *driver.Volume, name string) error {
	e.reportSnapshot(v, name)
	err := e.driver.DeleteSnapshot(e.ctx, v, name)
	if e.settle(err); err != nil {
		if e.changes != nil {
			e.changes.snapshots = e.changes.snapshots[:len(e.changes.snapshots)-1]
		}
		return err
	}
	e.Say("Snapshot %s of vol %s deleted", name, v.Name)
	return nil
}

// count is a number of things, at least one. The zero value is not given.
type count int

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *count) UnmarshalText(text []byte) error {
	value, err := strconv.ParseUint(string(text), 10, 31)
	if err != nil || value == 0 {
		return fmt.Errorf("%q is not a number from 1 on", text)
	}
	*n = count(value)
	return nil
}

// age is a length of time in hours, days or weeks. The zero value is not given.
type age time.Duration

// units are the units of ages.
var units = map[string]time.Duration{"h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *age) UnmarshalText(text []byte) error {
	number := strings.TrimRight(string(text), "hdw")
	n, err := strconv.ParseUint(number, 10, 31)
	unit := units[string(text)[len(number):]]
	if err != nil || n == 0 || unit == 0 || n > math.MaxInt64/uint64(unit) {
		return fmt.Errorf("%q is not a length of time such as 12h, 7d or 4w", text)
	}
	*a = age(time.Duration(n) * unit)
	return nil
}
