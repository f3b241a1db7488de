package logical

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// report runs one of LVM's reporting tools, and reads the rows under a key of its output.
func report[Row any](
	ctx context.Context, h host.Host, tool, key, fields string, read func(*reader) Row, args ...string,
) ([]Row, error) {
	out, err := query(ctx, h, tool, fields, args...)
	if err != nil {
		return nil, err
	}
	return rowsOf(out, tool, key, fields, read)
}

// query runs one of LVM's reporting tools and returns its JSON output (lvmreport(7)).
func query(ctx context.Context, h host.Host, tool, fields string, args ...string) ([]byte, error) {
	options := []string{"--reportformat", "json", "--units", "b", "--nosuffix", "-o", fields}
	c := host.Cmd(tool, append(options, args...)...)
	c.Cacheable = true
	return h.Query(ctx, c)
}

// rowsOf reads the rows under a key of a tool's output.
func rowsOf[Row any](out []byte, tool, key, fields string, read func(*reader) Row) ([]Row, error) {
	r := newReader(tool, fields)
	rows := make([]Row, 0, min(bytes.Count(out, []byte("{")), len(out)/64))
	switch err := r.each(out, key, func() { rows = append(rows, read(r)) }); {
	case errors.As(err, new(*backend.AnswerError)):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("output of %s: %w", tool, err)
	}
	return rows, nil
}

// A volumeGroup is a group as vgs reports it.
type volumeGroup struct {
	name       string
	size, free uint64
	missing    uint64   // number of missing devices
	devices    []string // devices that are present
}

// group queries a pool's volume group.
func (b *Backend) group(ctx context.Context, p *pooldef.Pool) (*volumeGroup, error) {
	name, err := group(p)
	if err != nil {
		return nil, err
	}
	const fields = "vg_size,vg_free,vg_missing_pv_count,pv_name"
	rows, err := report(ctx, b.Host, "vgs", "vg", fields, readGroup, "--", name)
	if err != nil {
		return nil, mapErrNoGroup(err, p)
	}
	g := &volumeGroup{name: name}
	for _, r := range rows {
		g.size, g.free, g.missing = r.size, r.free, r.missing
		g.devices = append(g.devices, r.devices...)
	}
	return g, nil
}

// readGroup reads a row of vgs: the group and one of its devices.
func readGroup(r *reader) volumeGroup {
	g := volumeGroup{size: r.size("vg_size"), free: r.size("vg_free"), missing: r.size("vg_missing_pv_count")}
	if device := r.text("pv_name"); strings.HasPrefix(device, "/") {
		g.devices = []string{device}
	}
	return g
}

// mapErrNoGroup replaces LVM's error about a missing group by a StateError.
func mapErrNoGroup(err error, p *pooldef.Pool) error {
	if !host.StderrContains(err, "not found", "Cannot process volume group") {
		return err
	}
	hint := ""
	if len(p.Source.Devices) > 0 {
		hint = "poolctl pool-build " + shell.Quote(p.Name)
	}
	return &backend.StateError{Text: "no volume group " + quoted(p.Source.Name), Hint: hint}
}

// translateError adds the group's free space to LVM's errors about insufficient space, and a hint to those
// about missing devices.
func (b *Backend) translateError(ctx context.Context, p *pooldef.Pool, err error) error {
	if host.StderrContains(err, "while PVs are missing") {
		return incompleteError(p)
	}
	if !host.StderrContains(err, "nsufficient free space", "nsufficient suitable") {
		return err
	}
	g, groupErr := b.group(ctx, p)
	if groupErr != nil {
		return errors.Join(err, groupErr)
	}
	return &backend.StateError{
		Text: fmt.Sprintf("not enough space: the volume group %q has %d bytes free", g.name, g.free),
	}
}

// A physicalVolume is a physical volume. VG is empty if the device is not part of a group.
type physicalVolume struct{ Device, VG string }

// physicalVolumes lists all physical volumes. The path of a missing device is empty.
func (b *Backend) physicalVolumes(ctx context.Context) ([]physicalVolume, error) {
	return report(ctx, b.Host, "pvs", "pv", "pv_name,vg_name", func(r *reader) physicalVolume {
		return physicalVolume{Device: r.text("pv_name"), VG: r.name("vg_name")}
	})
}

func quoted(name string) string { return strconv.Quote(name) }
