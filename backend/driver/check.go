package driver

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"poolctl/backend"
	"poolctl/backend/check"
	"poolctl/backend/fault"
	"poolctl/backend/host"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// A CheckedPool is what Check has found out about one pool.
type CheckedPool struct {
	Name     string
	Entry    *store.Entry  // nil if there is no such pool
	Pool     *pooldef.Pool // the definition in effect; nil if it cannot be used
	Active   bool
	Space    *pooldef.Space // of an active pool; nil if it is unknown
	Volumes  []*pooldef.Volume
	Unknown  error // why it is not known whether the pool is active, or which volumes it has; nil if it is
	Answered bool  // everything could be asked within the time limit
	Took     time.Duration
	Findings []check.Finding // also figures that are all right; the severity of figures is not set yet
}

// Virtual returns the sum of the volumes' capacities in bytes.
func (c *CheckedPool) Virtual() (sum float64) {
	for _, v := range c.Volumes {
		sum += float64(v.Capacity.Bytes)
	}
	return sum
}

// add adds findings about the pool.
func (c *CheckedPool) add(found ...check.Finding) {
	for _, f := range found {
		f.Pool = c.Name
		c.Findings = append(c.Findings, f)
	}
}

// addError adds a finding about an error. Its ID follows from the kind of the error: silent, unreadable,
// tools, or id for any other.
func (c *CheckedPool) addError(id string, err error) {
	hint := fault.Hint(err, fault.Of(err))
	own, isOwn := errors.AsType[*check.Error](err)
	switch kind := fault.Of(err); {
	case errors.Is(err, context.Canceled):
		c.add(check.New("unreadable", interrupted, ""))
	case isOwn:
		c.Answered = kind != fault.Timeout
		f := check.New(own.ID, err.Error(), hint)
		f.Severity, f.Object, f.State = check.Critical, own.Object, own.State
		c.add(f)
	case kind == fault.Timeout || errors.Is(err, context.DeadlineExceeded):
		c.Answered = false
		c.add(check.New("silent", err.Error(), hint))
	case isPermission(err):
		c.add(check.New("unreadable", err.Error(), hint))
	case errors.As(err, new(*host.ToolError)):
		c.add(check.New("tools", err.Error(), hint))
	default:
		c.add(check.New(id, err.Error(), hint))
	}
}

// A PanicError reports that a check has crashed.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("this is a bug in poolctl, please report it: %v", e.Value)
}

// Kind implements [fault.Error].
func (*PanicError) Kind() fault.Kind { return fault.Failed }

// Check looks for what may be wrong with pools, all of them if names is empty, and with the store's files. It
// asks all pools at the same time, and takes no locks. A pool that does not answer within the driver's
// timeout has the finding silent. The users of volumes are looked for only if orphans is set. The result has
// the findings that concern no pool of the list. After a signal, the result has what was found before.
func (d *Driver) Check(
	ctx context.Context, names []string, orphans bool,
) ([]*CheckedPool, []check.Finding, error) {
	all, err := d.Store.All()
	if errors.As(err, new(*store.TrustError)) { // nothing in the directory can be used
		return nil, []check.Finding{untrusted(err, check.Critical)}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	entries, general := d.entriesToCheck(all, names)
	limited, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	pools, err := d.checkEach(limited, entries, d.checkPool)
	if err != nil {
		return nil, nil, err
	}
	if ctx.Err() != nil {
		return pools, general, ctx.Err()
	}
	d.checkVolumeSecrets(pools)
	d.checkImages(limited, pools, all)
	if orphans {
		d.checkOrphans(limited, pools, all)
	}
	return pools, general, ctx.Err()
}

// checkEach runs a check for every entry at the same time. The result of a check that does not end with ctx
// is replaced by the finding silent. If a check panics, the error is a [PanicError].
func (d *Driver) checkEach(
	ctx context.Context, entries []*store.Entry, run func(context.Context, *store.Entry) *CheckedPool,
) ([]*CheckedPool, error) {
	errs := make([]error, len(entries))
	index := map[*store.Entry]int{}
	for i, entry := range entries {
		index[entry] = i
	}
	pools := InParallel(entries, func(entry *store.Entry) *CheckedPool {
		start := time.Now()
		c, err := backend.Await(ctx, func() (c *CheckedPool, err error) {
			defer func() {
				if fault := recover(); fault != nil {
					err = &PanicError{fault, debug.Stack()}
				}
			}()
			return run(ctx, entry), nil
		})
		if c == nil && ctx.Err() != nil {
			c, err = d.silentPool(ctx, entry), nil
		}
		errs[index[entry]] = err
		if c != nil {
			c.Took = time.Since(start)
		}
		return c
	})
	return pools, errors.Join(errs...)
}

// interrupted is the text of the finding about a pool that a signal kept from being checked.
const interrupted = "not checked: interrupted"

// silentPool returns the result for a pool that has not answered before the end of ctx.
func (d *Driver) silentPool(ctx context.Context, entry *store.Entry) *CheckedPool {
	if errors.Is(ctx.Err(), context.Canceled) {
		c := &CheckedPool{Name: entry.Name, Entry: entry, Pool: entry.Current(), Unknown: ctx.Err()}
		c.add(check.New("unreadable", interrupted, ""))
		return c
	}
	err := &backend.TimeoutError{Text: fmt.Sprintf("no answer within %v", d.Timeout)}
	c := &CheckedPool{Name: entry.Name, Entry: entry, Pool: entry.Current(), Unknown: err}
	c.add(check.New("silent", err.Text, ""))
	return c
}
