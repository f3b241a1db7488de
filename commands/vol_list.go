package commands

import (
	"fmt"
	"io"
	"slices"

	"poolctl/format"
	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// VolList is the verb vol-list.
type VolList struct {
	Pool    string `arg:"" help:"Name or uuid of the pool."`
	Details bool   `help:"Show types and sizes."`

	Snapshots bool `help:"List the snapshots of the volumes instead."`
	output
}

// Help implements kong.HelpProvider.
func (c *VolList) Help() string {
	return "Every listing is a fresh scan. Without --details no image is opened; the styles json, " +
		"yaml, csv and xml include all details. --snapshots needs one query, however many volumes " +
		"there are, except in pools of files, where it reads the header of each image.\n\n" +
		"  poolctl vol-list images -o name\n" +
		"  poolctl vol-list images -o json | jq '[.volumes[].allocation] | add'\n" +
		"  poolctl vol-list images --snapshots"
}

// Run lists volumes.
func (c *VolList) Run(e *env) error {
	if c.Snapshots {
		return c.listSnapshots(e)
	}
	if c.Columns != nil && c.Details {
		return &usageError{"vol-list", "the option --columns excludes --details"}
	}
	if err := c.pick(volumeFields); err != nil {
		return err
	}
	entry, b, unlock, err := e.driver.ActivePool(e.ctx, c.Pool)
	defer unlock()
	if err != nil {
		return fmt.Errorf("list volumes: %w", err)
	}
	volumes := e.driver.Names(e.ctx, b, entry.Current())
	if c.Details || !c.isForPeople() && !c.needsOnly("name", "path", "key") {
		volumes = e.driver.Details(e.ctx, b, entry.Current())
	}
	printer := e.volumePrinter(&c.output, c.Details)
	for v, err := range volumes {
		if err == nil {
			err = printer.add(v)
		}
		if err != nil {
			return fmt.Errorf("list volumes of pool %q: %w", entry.Name, err)
		}
		if v.Err != nil {
			e.Warn("volume %q: %w", v.Name, v.Err)
		}
	}
	return printer.close()
}

// listSnapshots lists the snapshots of all volumes.
func (c *VolList) listSnapshots(e *env) error {
	if c.Details {
		return &usageError{"vol-list", "the option --snapshots excludes --details"}
	}
	if err := c.checkSnapshotStyle(); err != nil {
		return err
	}
	entry, b, unlock, err := e.driver.ActivePool(e.ctx, c.Pool)
	defer unlock()
	var all []*pooldef.Snapshot
	if err == nil {
		all, err = e.driver.Snapshots(e.ctx, b, entry.Current(), "")
	}
	if err != nil {
		return fmt.Errorf("list snapshots of pool %q: %w", c.Pool, err)
	}
	return e.printSnapshots(&c.output, all, true)
}

// A volumePrinter prints volumes in one of the styles.
type volumePrinter struct {
	add   func(*pooldef.Volume) error
	close func() error
}

func (e *env) volumePrinter(o *output, details bool) volumePrinter {
	switch {
	case o.isForPeople():
		return e.volumeTable(details)
	case o.Output == "xml":
		fmt.Fprintln(e.Results, "<volumes>")
		return volumePrinter{
			func(v *pooldef.Volume) error {
				_, err := io.WriteString(e.Results, codec.VolumeElement(v).Indented(1))
				return err
			},
			func() error { _, err := io.WriteString(e.Results, "</volumes>\n"); return err },
		}
	}
	records := o.records(e, "volumes", volumeFields)
	values := volumeValues
	if !hasColumns(o.Output) {
		values = func(v *pooldef.Volume) []any { return []any{v.Name} }
	}
	return volumePrinter{func(v *pooldef.Volume) error { return records.add(values(v)) }, records.close}
}

func (e *env) volumeTable(details bool) volumePrinter {
	header := []string{"Name", "Path"}
	if details {
		header = append(header, "Type", "Capacity", "Allocation")
	}
	const atOnce = 1024 // rows whose cells share an allocation
	var rows [][]string
	var cells []string
	return volumePrinter{
		func(v *pooldef.Volume) error {
			if len(rows)%atOnce == 0 {
				cells = make([]string, 0, atOnce*len(header))
			}
			if len(rows) == cap(rows) { // append would copy a long list more often
				rows = slices.Grow(rows, max(atOnce, len(rows)))
			}
			cells = append(cells, v.Name, v.Target.Path)
			if details {
				cells = append(cells, v.Type, volumeSize(v.Capacity, false), volumeSize(v.Allocation, false))
			}
			rows = append(rows, cells[len(cells)-len(header):])
			return nil
		},
		func() error { return e.Table(header, rows) },
	}
}

// volumeSize formats a size for people, or as a number of bytes with vol-info's suffix.
func volumeSize(s pooldef.Size, asBytes bool) string {
	switch {
	case !s.Known:
		return "unknown"
	case asBytes:
		return fmt.Sprintf("%d bytes", s.Bytes)
	}
	return format.HumanSize(s.Bytes)
}
