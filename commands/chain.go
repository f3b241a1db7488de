package commands

import (
	"cmp"
	"fmt"

	"poolctl/backend/driver"
	"poolctl/format"
	"poolctl/pooldef"
)

// chainFlag requests all images below a volume.
type chainFlag struct {
	BackingChain bool `help:"Show all images that it is based on, down to the last."`
}

// read adds the backing chain to a volume if the option is set. If the chain is not complete, the volume's
// Err says why.
func (c *chainFlag) read(e *env, v *driver.Volume) error {
	if !c.BackingChain {
		return nil
	}
	return e.driver.ReadChain(e.ctx, v)
}

// chainLine describes an image of a chain for people.
func chainLine(image *pooldef.Volume, asBytes bool) string {
	text := cmp.Or(image.Target.Format, "unknown")
	if image.Capacity.Known {
		text += ", " + volumeSize(image.Capacity, asBytes)
	}
	return fmt.Sprintf("%s (%s)", format.Printable(image.Target.Path), text)
}

// A chainValue is an image of a chain in machine-readable output.
type chainValue struct {
	Path       string `json:"path"`
	Format     any    `json:"format"`
	Capacity   any    `json:"capacity"`
	Allocation any    `json:"allocation"`
}

// chainValues returns the images of a chain, or nil if the chain was not read.
func chainValues(chain []*pooldef.Volume) any {
	if chain == nil {
		return nil
	}
	values := []chainValue{}
	for _, image := range chain {
		t := image.Target
		values = append(values,
			chainValue{t.Path, orNull(t.Format), sizeOrNull(image.Capacity), sizeOrNull(image.Allocation)})
	}
	return values
}
