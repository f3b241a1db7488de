package fs

import (
	"context"
	"path/filepath"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Build implements backend.Builder. It creates the directory and, if requested, formats the device. A device
// in use is never formatted.
func (b *Backend) Build(ctx context.Context, p *pooldef.Pool, o backend.BuildOptions) error {
	if err := b.CheckNotMounted(ctx, p); err != nil {
		return err
	}
	var format []host.Step
	if o.Overwrite || o.NoOverwrite || o.FormatBlank && !isAuto(p) {
		var err error
		if format, err = b.format(ctx, p, o); err != nil {
			return err
		}
	}
	return b.BuildDir(ctx, p, format...)
}

// isAuto reports whether a definition leaves the format of the file system to mount(8).
func isAuto(p *pooldef.Pool) bool { return p.Source.Format == "auto" || p.Source.Format == "" }

// format returns the steps that format the pool's device, if that is permitted.
func (b *Backend) format(ctx context.Context, p *pooldef.Pool, o backend.BuildOptions) ([]host.Step, error) {
	mkfs, ok := formatters[p.Source.Format]
	if isAuto(p) {
		return nil, pooldef.Problems{{Element: "source/format/@type",
			Text: `"auto" is not a format to create: name one, such as ext4 or xfs`}}
	}
	if !ok {
		return nil, &backend.UnsupportedError{Type: p.Type,
			What: "creating a file system of format " + p.Source.Format}
	}
	device, err := b.device(ctx, p)
	if err != nil {
		return nil, err
	}
	if o.IfMissing {
		found, err := host.Signatures(ctx, b.Host, device)
		if err != nil || hasFormat(found, p.Source.Format) {
			return nil, err
		}
	}
	users, err := b.Host.DeviceUsers(device)
	if err != nil {
		return nil, err
	}
	if len(users) > 0 {
		return nil, &backend.BusyError{Path: device, Users: users}
	}
	found, err := host.Signatures(ctx, b.Host, device)
	if err != nil {
		return nil, err
	}
	if !o.Overwrite {
		if err := b.checkBlank(p, device, found); err != nil {
			return nil, err
		}
	}
	return formatSteps(mkfs, device, len(found) > 0), nil
}

// checkBlank returns a backend.ContentError if a device has content, even if the kind of content is unknown.
func (b *Backend) checkBlank(p *pooldef.Pool, device string, found []host.Signature) error {
	holds := host.Words(found)
	if holds == "" {
		blank, err := b.Host.Blank(device)
		if blank || err != nil {
			return err
		}
		holds = "data unknown to wipefs"
	}
	return &backend.ContentError{Pool: p.Name, Device: device, Holds: holds}
}

// formatSteps returns the steps that format a device. Old content is wiped first: mkfs would leave the end of
// a RAID member or a partition table, which blkid would find. wipefs(8) does not wipe a partition table
// inside a partition, hence force.
func formatSteps(mkfs formatter, device string, wipe bool) []host.Step {
	var all []host.Step
	if wipe {
		all = append(all, host.Cmd("wipefs", "--all", "--quiet", "--", device))
	}
	args := mkfs.args
	if wipe && mkfs.force != "" {
		args = append([]string{mkfs.force}, args...)
	}
	return append(all, host.Cmd(mkfs.tool, append(args[:len(args):len(args)], filepath.Clean(device))...))
}

// A formatter creates file systems of one format.
type formatter struct {
	tool  string
	args  []string
	force string // the option to overwrite existing content
}

// formatters maps formats to mkfs programs and options, according to their manual pages. -I of mkfs.vfat
// permits a whole disk. A gfs2 that is shared with other machines would need the name of a cluster, an ocfs2
// a running cluster.
var formatters = map[string]formatter{
	"ext2":  {tool: "mkfs.ext2", args: []string{"-q"}},
	"ext3":  {tool: "mkfs.ext3", args: []string{"-q"}},
	"ext4":  {tool: "mkfs.ext4", args: []string{"-q"}},
	"xfs":   {tool: "mkfs.xfs", args: []string{"-q"}, force: "-f"},
	"btrfs": {tool: "mkfs.btrfs", args: []string{"-q"}, force: "-f"},
	"vfat":  {tool: "mkfs.vfat", args: []string{"-I"}},
	"udf":   {tool: "mkfs.udf"},
	"gfs2":  {tool: "mkfs.gfs2", args: []string{"-q", "-O", "-p", "lock_nolock", "-j", "1"}},
	"ocfs2": {tool: "mkfs.ocfs2", args: []string{"-q", "-M", "local"}},
}
