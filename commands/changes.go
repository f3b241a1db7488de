package commands

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alecthomas/kong"

	"poolctl/backend"
	"poolctl/backend/desired"
	"poolctl/backend/driver"
	"poolctl/backend/host"
	"poolctl/format"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// changing has the option of verbs that change something. [env.run] prepares their changes for -o json, and
// Main prints them, so that no verb prints JSON itself.
type changing struct {
	Output string `short:"o" default:"table" enum:"table,json" placeholder:"STYLE" changes:"" help:"Print messages (table), or what has changed as json."`
}

// changes is what -o json prints about a verb that changes something: the pools, volumes or secrets that the
// verb works on, as they are afterwards. A nil *changes collects nothing, so that a verb that prints messages
// asks the machine nothing more.
type changes struct {
	pools     []*store.Entry // as they were before
	volumes   []*pooldef.Volume
	snapshots []*pooldef.Snapshot
	secrets   []*store.SecretEntry
	records   []*desired.Change // of diff and apply
	desired   *desiredPrinter   // not nil: the verb is one of these
}

// printsChanges reports whether a command line demands -o json of a verb that changes something.
func printsChanges(command *kong.Context) bool {
	return slices.ContainsFunc(command.Selected().Flags, func(f *kong.Flag) bool {
		return f.Tag.Has("changes") && command.FlagValue(f) == "json"
	})
}

// A changeCounter counts the steps that a host applies. In a dry run, it counts those that it would apply.
type changeCounter struct {
	host.Host
	steps *atomic.Int64
}

// Change implements host.Host.
func (c changeCounter) Change(ctx context.Context, s host.Step) error {
	err := c.Host.Change(ctx, s)
	if err == nil {
		c.steps.Add(1)
	}
	return err
}

// reportPool notes the pool with a name or uuid, which need not exist.
func (e *env) reportPool(nameOrUUID string) {
	if e.changes == nil {
		return
	}
	var entry *store.Entry
	if id, ok := pooldef.ParseUUID(nameOrUUID); ok && len(nameOrUUID) == 36 {
		entry, _ = e.driver.PoolWithUUID(id)
	}
	if entry == nil {
		entry, _ = e.driver.Store.Load(nameOrUUID)
	}
	if entry.HasFiles() {
		e.changes.pools = append(e.changes.pools, entry)
	}
}

// reportDefinition notes a pool by its definition, which a dry run does not store.
func (e *env) reportDefinition(p *pooldef.Pool) {
	if e.changes != nil {
		e.changes.pools = append(e.changes.pools, &store.Entry{Name: p.Name, Persistent: p})
	}
}

// reportVolume notes the volume with a name in pool p, whose backend is b. If the volume does not exist, as
// in a dry run, reportVolume notes planned.
func (e *env) reportVolume(b backend.Backend, p *pooldef.Pool, name string, planned *pooldef.Volume) {
	if e.changes == nil {
		return
	}
	ctx, cancel := e.lastContext()
	defer cancel()
	v, err := b.Volume(ctx, p, name)
	if err != nil {
		v = &pooldef.Volume{}
		*v = *planned
		if !e.cli.DryRun {
			v.Err = err
		}
	}
	e.changes.volumes = append(e.changes.volumes, v)
}

// noteVolume notes a volume as it was before.
func (e *env) noteVolume(v *pooldef.Volume) {
	if e.changes != nil {
		e.changes.volumes = append(e.changes.volumes, v)
	}
}

// reportSecret notes a secret.
func (e *env) reportSecret(entry *store.SecretEntry) {
	if e.changes != nil {
		e.changes.secrets = append(e.changes.secrets, entry)
	}
}

// hasResult reports whether a verb that ended with err has a result to print: it has succeeded, has changed
// something, or has compared something before it was interrupted.
func (c *changes) hasResult(err error, changed bool) bool {
	return err == nil || errors.Is(err, errDiffers) || changed ||
		len(c.records) > 0 && errors.Is(err, context.Canceled)
}

// lastContext returns the context of queries after a verb. After a signal, they have the time grace.
func (e *env) lastContext() (context.Context, context.CancelFunc) {
	if e.ctx.Err() == nil {
		return e.ctx, func() {}
	}
	const grace = 2 * time.Second
	return context.WithTimeout(context.WithoutCancel(e.ctx), grace)
}

// incomplete returns the member problems of a result that ended with err, if that says that more was to be
// done.
func incomplete(err error) (members []format.Member) {
	if err == nil || errors.Is(err, errPartial) || errors.Is(err, errDiffers) {
		return nil
	}
	var problems []jsonProblem
	for _, line := range errorLines(err) {
		problems = append(problems, jsonProblem{Text: line})
	}
	return []format.Member{{Name: "problems", Value: problems}}
}

// printChanges prints one object for a verb that has a result, which may be about a part of several objects.
func (e *env) printChanges(err error, isPartial bool) error {
	if e.changes == nil || !isPartial && !e.changes.hasResult(err, e.changed) {
		return err
	}
	kind, fields, records := "pools", poolFields, e.poolRecords
	switch {
	case strings.HasPrefix(e.verb, "vol-snapshot-") && e.verb != "vol-snapshot-clone":
		kind, fields, records = "snapshots", snapshotFields, e.snapshotRecords
	case strings.HasPrefix(e.verb, "vol-"):
		kind, fields, records = "volumes", volumeFields, e.volumeRecords
	case strings.HasPrefix(e.verb, "secret-"):
		kind, fields, records = "secrets", secretFields, e.secretRecords
	}
	members := []format.Member{{Name: "verb", Value: e.verb}, {Name: "changed", Value: e.changed}}
	if e.cli.DryRun {
		members = append(members, format.Member{Name: "commands", Value: append([]string{}, e.commands...)})
	}
	if e.changes.desired != nil {
		return errors.Join(err, e.changes.desired.printRecords(members, incomplete(err)))
	}
	list := format.NewList(e.Results, "json", kind, fields, members...)
	for _, record := range records() {
		if err := list.Add(record...); err != nil {
			return err
		}
	}
	return errors.Join(err, list.Close(incomplete(err)...))
}

// poolRecords returns the fields of the pools as they are now. A pool that is gone has no file.
func (e *env) poolRecords() [][]any {
	ctx, cancel := e.lastContext()
	defer cancel()
	var pools []driver.Status
	for _, before := range e.changes.pools {
		entry, err := e.driver.Store.Load(before.Name)
		switch {
		case err == nil:
			pools = append(pools, e.driver.Status(ctx, entry))
			continue
		case errors.Is(err, store.ErrNoPool):
			entry, err = &store.Entry{Name: before.Name}, nil
		}
		p := before.Current()
		if p == nil { // its definition cannot be used
			p = &pooldef.Pool{Name: before.Name}
		}
		pools = append(pools, driver.Status{Entry: entry, Pool: p, Err: err})
	}
	driver.QuerySpace(pools)
	var records [][]any
	for _, s := range pools {
		records = append(records, poolValues(&s, true))
	}
	return records
}

func (e *env) volumeRecords() [][]any {
	var records [][]any
	for _, v := range e.changes.volumes {
		records = append(records, volumeValues(v))
	}
	return records
}

func (e *env) snapshotRecords() [][]any {
	var records [][]any
	for _, s := range e.changes.snapshots {
		records = append(records, snapshotValues(s))
	}
	return records
}

// secretRecords returns the fields of the secrets as they are now. A secret that is gone has no file.
func (e *env) secretRecords() [][]any {
	var records [][]any
	for _, before := range e.changes.secrets {
		entry, err := e.driver.Store.Secret(before.UUID)
		if err != nil {
			entry = &store.SecretEntry{UUID: before.UUID, Secret: before.Secret}
		}
		records = append(records, secretValues(entry))
	}
	return records
}
