package commands

import (
	"fmt"

	"poolctl/backend"
	"poolctl/backend/driver"
)

// PoolBuild is the verb pool-build.
type PoolBuild struct {
	Pool        string `arg:"" help:"Name or uuid of the pool."`
	Overwrite   bool   `xor:"overwrite,missing" help:"Format the device, even if it contains data."`
	NoOverwrite bool   `xor:"overwrite" help:"Format the device, only if it is empty."`
	IfMissing   bool   `xor:"missing" help:"If the storage exists as the definition says, do nothing and succeed."`
	changing
}

// Help implements kong.HelpProvider.
func (*PoolBuild) Help() string {
	return "  poolctl pool-build images\n" +
		"  poolctl pool-build vg0 --overwrite\n" +
		"  poolctl pool-build vg0 --if-missing"
}

// Run builds a pool that is not active.
func (c *PoolBuild) Run(e *env) error {
	o := backend.BuildOptions{Overwrite: c.Overwrite, NoOverwrite: c.NoOverwrite, IfMissing: c.IfMissing}
	e.reportPool(c.Pool)
	if err := e.driver.BuildPool(e.ctx, c.Pool, o); err != nil {
		return fmt.Errorf("build pool %q: %w", c.Pool, err)
	}
	if !c.IfMissing || e.steps.Load() > 0 {
		e.Say("Pool %s built", c.Pool)
	}
	return nil
}

// buildFlags are the options of verbs that can build a pool before they start it.
type buildFlags struct {
	Build       bool `help:"Build the pool first."`
	Overwrite   bool `xor:"overwrite" help:"Build the pool, and overwrite the device."`
	NoOverwrite bool `xor:"overwrite" help:"Build the pool, only if the device is empty."`
}

// options returns how to build the pool, or nil if it is not to be built.
func (f *buildFlags) options() *backend.BuildOptions {
	if !f.Build && !f.Overwrite && !f.NoOverwrite {
		return nil
	}
	return &backend.BuildOptions{Overwrite: f.Overwrite, NoOverwrite: f.NoOverwrite}
}

// startOptions returns how to start a pool. What building it has changed stays in the result, also if the
// start fails. The plan of a dry run stays whole.
func (f *buildFlags) startOptions(e *env) driver.StartOptions {
	return driver.StartOptions{Build: f.options(), Built: func() {
		if !e.cli.DryRun {
			e.settle(nil)
		}
	}}
}
