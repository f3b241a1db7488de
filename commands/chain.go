package commands

import (
	"cmp"
	"fmt"

	"poolctl/backend"
	"poolctl/format"
	"poolctl/pooldef"
)

// chainFlag asks for all images below a volume.
type chainFlag struct {
	BackingChain bool `help:"Show all images that it is based on, down to the last."`
}

// follow adds the images to a volume, if they are asked for. Why they are not all there is told in the volume's Err.
func (c *chainFlag) follow(e *env, v *foundVolume) error {
	if !c.BackingChain {
		return nil
	}
	p := v.entry.Current()
	chainer, err := backend.As[backend.BackingChainer](v.backend, p.Type, "backing chains")
	if err != nil {
		return err
	}
	if v.Err == nil {
		v.Chain, v.Err = chainer.Chain(e.ctx, p, v.Name)
	}
	return nil
}

// chainLine shows an image of a chain to people.
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

// chainValues returns null for a chain that nobody has asked for.
func chainValues(chain []*pooldef.Volume) any {
	if chain == nil {
		return nil
	}
	values := []chainValue{}
	for _, image := range chain {
		t := image.Target
		values = append(values, chainValue{t.Path, orNull(t.Format), sizeOrNull(image.Capacity), sizeOrNull(image.Allocation)})
	}
	return values
}
