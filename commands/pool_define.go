package commands

import (
	"errors"
	"fmt"

	"poolctl/pooldef"
)

// PoolDefine is the verb pool-define.
type PoolDefine struct {
	File     string `arg:"" file:"" help:"Definition, XML or YAML; - is standard input."`
	Validate bool   `help:"Reject unknown elements and attributes."`
	updating
	changing
}

// Help implements kong.HelpProvider.
func (c *PoolDefine) Help() string {
	return "To change a pool, define it again with the same name and uuid, with --update, or use " +
		"pool-edit. A change to an active pool takes effect at the next start. A YAML definition is stored as " +
		"written.\n\n" +
		"  poolctl pool-define images.yaml\n" +
		"  poolctl pool-define images.yaml --update\n" +
		"  ssh otherhost virsh pool-dumpxml images | poolctl pool-define -"
}

// updating is the option of verbs that define a pool.
type updating struct {
	Update bool `help:"Change the definition of the pool with this name, also without its uuid. If nothing differs, do nothing and succeed."`
}

// define stores the definition p, which is yaml if that is not nil. Unless the option is set, the definition
// counts as changed.
func (u *updating) define(e *env, p *pooldef.Pool, yaml []byte) (changed bool, err error) {
	if u.Update {
		changed, err = e.driver.UpdateDefinition(e.ctx, p, yaml)
	} else {
		hasUUID := p.UUID != ""
		changed, err = true, e.driver.Define(e.ctx, p, yaml)
		conflict, ok := errors.AsType[*pooldef.ConflictError](err)
		if old, _ := e.driver.Store.Load(p.Name); ok && !hasUUID && old.Current() != nil {
			conflict.Hint = "--update keeps the uuid, and changes the rest of the definition"
		}
	}
	e.reportDefinition(p)
	return changed, err
}

// Run stores a definition.
func (c *PoolDefine) Run(e *env) error {
	p, yaml, err := e.readPool(c.File, inputName(c.File), c.Validate)
	changed := false
	if err == nil {
		changed, err = c.define(e, p, yaml)
	}
	if err != nil {
		return fmt.Errorf("define pool from %s: %w", c.File, err)
	}
	if !changed {
		return nil
	}
	e.Say("Pool %s defined from %s", p.Name, c.File)
	return nil
}
