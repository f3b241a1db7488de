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
	Capacity string `arg:"" help:"New size: bytes, or 10G, 1.5TiB. One that begins with - makes it smaller by so much."`
	Pool     string `position:"" placeholder:"POOL" help:"Name or uuid of its pool. A name needs it, a path does not."`
	Allocate bool   `help:"Give it room on the disk at once: a raw volume all of it, an image what it grows by."`
	Delta    bool   `help:"The size is how much it grows, or with --shrink shrinks, by."`
	Shrink   bool   `help:"It may become smaller: what is behind the new end is lost."`
}

// Help implements kong.HelpProvider.
func (c *VolResize) Help() string {
	return "A file system inside does not change with it: grow that afterwards, shrink it before. No guest " +
		"may be using the volume.\n\n" +
		"  poolctl vol-resize disk.raw 40G images\n" +
		"  poolctl vol-resize disk.raw 10G images --delta\n" +
		"  poolctl vol-resize disk.raw -10G images --shrink"
}

// Run resizes a volume.
func (c *VolResize) Run(e *env) error {
	size, by := strings.TrimPrefix(c.Capacity, "-"), "to"
	isLess := size != c.Capacity
	if isLess && !c.Shrink {
		return &usageError{"vol-resize", "a size that begins with - needs --shrink"}
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
		return nil, &usageError{"vol-resize", err.Error()}
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
		return nil, &usageError{"vol-resize", size + " is more than a volume can have"}
	case delta:
		n += now
	}
	if n < now && !c.Shrink {
		text := fmt.Sprintf("it has %d bytes: those behind the new end would be lost", now)
		return nil, &backend.StateError{Text: text, Hint: "--shrink allows that"}
	}
	p := v.Pool()
	resizer, err := backend.As[backend.Resizer](v.Backend, p.Type, "resizing volumes")
	if err != nil {
		return nil, err
	}
	o := backend.ResizeOptions{Shrink: n < now, Allocate: c.Allocate, MayRead: e.driver.Known(e.ctx, v)}
	return v, resizer.Resize(e.ctx, p, v.Name, n, o)
}
