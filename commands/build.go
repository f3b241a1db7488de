package commands

import "poolctl/backend"

// buildFlags are the options of verbs that can build a pool before they start it.
type buildFlags struct {
	Build       bool `help:"Build the pool first."`
	Overwrite   bool `xor:"overwrite" help:"Build it, and overwrite what is on the device."`
	NoOverwrite bool `xor:"overwrite" help:"Build it, but only on an empty device."`
}

// options returns how to build the pool, or nil if it is not to be built.
func (f *buildFlags) options() *backend.BuildOptions {
	if !f.Build && !f.Overwrite && !f.NoOverwrite {
		return nil
	}
	return &backend.BuildOptions{Overwrite: f.Overwrite, NoOverwrite: f.NoOverwrite}
}
