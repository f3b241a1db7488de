package commands

import (
	"fmt"
	"math"
	"strings"

	"poolctl/backend"
	"poolctl/backend/driver"
	"poolctl/format"
)

// VolResize is the verb vol-resize.
type VolResize struct {
	Vol      string `arg:"" help:"Name, key or path of the volume."`
	Capacity string `arg:"" help:"New size in bytes, or as 10G, 1.5TiB. With a leading -, the amount to shrink by."`
	Pool     string `position:"" placeholder:"POOL" help:"Name or uuid of the volume's pool. Required with a name, not with a path."`
	Allocate bool   `help:"Allocate the added space now."`
	Delta    bool   `help:"The size is the amount to grow by (with --shrink, to shrink by)."`
	Shrink   bool   `help:"Allow shrinking: data beyond the new size is lost."`
	overwriting
	changing
}

// Help implements kong.HelpProvider.
func (c *VolResize) Help() string {
	return "The file system inside does not change: grow it afterwards, shrink it before. No guest " +
		"may be using the volume. A volume that images are based on does not become smaller without --in-use.\n\n" +
		"  poolctl vol-resize disk.raw 40G images\n" +
		"  poolctl vol-resize disk.raw 10G images --delta\n" +
		"  poolctl vol-resize disk.raw -10G images --shrink"
}

// Run resizes a volume.
func (c *VolResize) Run(e *env) error {
	size, by := strings.TrimPrefix(c.Capacity, "-"), "to"
	isLess := size != c.Capacity
	if isLess && !c.Shrink {
		return (&usageError{"vol-resize", "a size that begins with - needs --shrink"}).
			asVirsh("negative size requires --shrink")
	}
	if c.Delta || isLess {
		by = "by"
	}
	v, err := c.resize(e, size, c.Delta || isLess)
	if err != nil {
		return fmt.Errorf("change size of volume %q %s %s: %w", c.Vol, by, size, err)
	}
	e.Say("Size of volume '%s' successfully changed %s %s", v.Name, by, size)
	return nil
}

func (c *VolResize) resize(e *env, size string, delta bool) (*driver.Volume, error) {
	n, err := format.ParseSize(size)
	if err != nil {
		return nil, (&usageError{"vol-resize", err.Error()}).asVirsh("Malformed size %s", c.Capacity)
	}
	v, err := e.driver.FindVolume(e.ctx, c.Vol, c.Pool)
	if err != nil {
		return nil, err
	}
	defer v.Unlock()
	if v.Err != nil {
		return nil, v.Err
	}
	now := v.Capacity.Bytes
	switch {
	case delta && c.Shrink:
		n = now - min(n, now)
	case n > math.MaxInt64, delta && n > math.MaxInt64-now:
		return nil, &usageError{"vol-resize", size + " exceeds the largest possible volume"}
	case delta:
		n += now
	}
	o := backend.ResizeOptions{Shrink: c.Shrink, Allocate: c.Allocate}
	if err := e.driver.ResizeVolume(e.ctx, v, n, o, c.InUse); err != nil {
		return nil, err
	}
	e.reportVolume(v.Backend, v.Pool(), v.Name, v.Volume)
	return v, nil
}
