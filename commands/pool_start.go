package commands

import (
	"errors"
	"fmt"
	"time"

	"github.com/alecthomas/kong"

	"poolctl/backend/driver"
)

// PoolStart is the verb pool-start.
type PoolStart struct {
	Pool string `arg:"" help:"Name or uuid of the pool."`
	buildFlags
	Degraded   bool    `help:"Start what is available although devices are missing (logical, zfs, gluster)."`
	IfInactive bool    `help:"If the pool is active, do nothing and succeed."`
	Wait       waiting `placeholder:"TIME" help:"Wait until the pool has a volume (iscsi, scsi): 30 seconds, or the given time."`
	changing
}

// Help implements kong.HelpProvider.
func (*PoolStart) Help() string {
	return "A pool that lacks a device is refused. With --degraded, its volumes that are complete are " +
		"started, and warnings name the others.\n\n" +
		"  poolctl pool-start images\n" +
		"  poolctl pool-start images --if-inactive\n" +
		"  poolctl pool-start san --wait=1m\n" +
		"  poolctl pool-start vms --degraded"
}

// Run starts a persistent pool.
func (c *PoolStart) Run(e *env) error {
	e.reportPool(c.Pool)
	o := c.startOptions(e)
	o.Wait, o.Degraded = time.Duration(c.Wait), c.Degraded
	err := e.driver.StartPool(e.ctx, c.Pool, o)
	if _, ok := errors.AsType[*driver.ActiveError](err); ok && c.IfInactive {
		return nil
	}
	if err != nil {
		return fmt.Errorf("start pool %q: %w", c.Pool, err)
	}
	e.Say("Pool %s started", c.Pool)
	return nil
}

// defaultWait is how long --wait without a value waits.
const defaultWait = 30 * time.Second

// A waiting is the value of --wait: a length of time, or defaultWait if the option has no value.
type waiting time.Duration

// Decode implements kong.MapperValue.
func (w *waiting) Decode(ctx *kong.DecodeContext) error {
	*w = waiting(defaultWait)
	if ctx.Scan.Peek().Type != kong.FlagValueToken {
		return nil
	}
	return (*seconds)(w).UnmarshalText([]byte(ctx.Scan.Pop().String()))
}

// IsBool tells kong that the option needs no value.
func (w *waiting) IsBool() bool { return true }
