package commands

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/backend/driver"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// Autostart is the verb autostart.
type Autostart struct{ changing }

// Help implements kong.HelpProvider.
func (c *Autostart) Help() string {
	return "Starts every inactive pool that pool-autostart has enabled, and reports each result as soon as " +
		"it is known. Pools start at the same time, a pool that lies in another one after that. A failed " +
		"start does not stop the others; the exit status is then 9.\n\n" +
		"  poolctl autostart"
}

// Run starts the marked pools.
func (c *Autostart) Run(e *env) error {
	e.warnMissing()
	entries, err := e.driver.Store.All()
	if err != nil {
		return err
	}
	failed := false
	for _, name := range e.driver.Store.DanglingAutostart() {
		pool := shell.Quote(strings.TrimSuffix(name, filepath.Ext(name)))
		e.Warn("autostart/%s: no such definition; poolctl pool-autostart --disable %s removes it", name, pool)
	}
	marked := slices.DeleteFunc(entries, func(entry *store.Entry) bool { return !entry.Autostart })
	report := func(r driver.AutostartResult) {
		failed = failed || r.Err != nil
		c.print(e, r)
	}
	if e.changes == nil {
		e.driver.Autostart(e.ctx, marked, report)
	} else { // one object, in the order of names
		var results []driver.AutostartResult
		e.driver.Autostart(e.ctx, marked, func(r driver.AutostartResult) { results = append(results, r) })
		slices.SortFunc(results,
			func(a, b driver.AutostartResult) int { return pooldef.CompareNames(a.Pool, b.Pool) })
		for _, r := range results {
			report(r)
		}
	}
	if failed {
		return errPartial
	}
	return nil
}

// print prints what was done with one pool.
func (c *Autostart) print(e *env, r driver.AutostartResult) {
	for _, w := range r.Warnings {
		e.Warn("%w", w)
	}
	e.reportPool(r.Pool)
	if !e.cli.DryRun { // the steps so far are those of several pools
		e.steps.Store(0)
		e.changed = e.changed || r.Started && r.Err == nil
	}
	e.settle(r.Err)
	switch {
	case r.Err != nil:
		e.reportPart(fmt.Errorf("start pool %q: %w", r.Pool, r.Err))
	case r.Started:
		e.Say("Pool %s started", r.Pool)
	default:
		e.Say("Pool %s is already active", r.Pool)
	}
	_ = e.Flush() // others may take long; Finish returns the error
}
