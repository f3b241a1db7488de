package fs

import (
	"context"
	"path/filepath"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Build implements backend.Builder: it makes the directory and, if that is asked for, formats the device. One that is in use is
// never formatted.
func (b *Backend) Build(ctx context.Context, p *pooldef.Pool, o backend.BuildOptions) error {
	if err := b.Free(ctx, p); err != nil {
		return err
	}
	var format []host.Step
	if o.Overwrite || o.NoOverwrite {
		var err error
		if format, err = b.format(ctx, p, o.Overwrite); err != nil {
			return err
		}
	}
	return b.BuildDir(ctx, p, format...)
}

// format returns the steps that format the pool's device, if that may be done.
func (b *Backend) format(ctx context.Context, p *pooldef.Pool, overwrite bool) ([]host.Step, error) {
	mkfs, ok := formatters[p.Source.Format]
	if p.Source.Format == "auto" || p.Source.Format == "" {
		return nil, pooldef.Problems{{Element: "source/format/@type", Text: `"auto" is nothing that can be made: name a format, such as ext4 or xfs`}}
	}
	if !ok {
		return nil, &backend.UnsupportedError{Type: p.Type, What: "making a file system of format " + p.Source.Format}
	}
	device, err := b.device(ctx, p)
	if err != nil {
		return nil, err
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
	if !overwrite {
		if err := b.mustBeBlank(p, device, found); err != nil {
			return nil, err
		}
	}
	return steps(mkfs, device, len(found) > 0), nil
}

// mustBeBlank refuses a device that holds something, also if nobody knows what.
func (b *Backend) mustBeBlank(p *pooldef.Pool, device string, found []host.Signature) error {
	holds := host.Words(found)
	if holds == "" {
		blank, err := b.Host.Blank(device)
		if blank || err != nil {
			return err
		}
		holds = "data that wipefs does not know"
	}
	return &backend.ContentError{Pool: p.Name, Device: device, Holds: holds}
}

// steps format a device. What it holds is wiped first: mkfs would leave the end of a RAID or of a partition table, and blkid would
// find that. wipefs(8) leaves a partition table inside of a partition; for that there is force.
func steps(mkfs formatter, device string, wipe bool) []host.Step {
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

// A formatter makes file systems of one format.
type formatter struct {
	tool  string
	args  []string
	force string // what makes it overwrite
}

// formatters are the mkfs programs of the formats, from their manual pages. -I of mkfs.vfat allows a whole disk. A gfs2 that is not for this
// machine alone would need the name of a cluster, and a ocfs2 a cluster that runs.
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
