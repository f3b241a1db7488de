package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"poolctl/backend"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// limit is how long a server may take to answer. A shell that completes a word does not wait for it.
func (e *env) limit() time.Duration {
	limit := time.Duration(e.cli.Timeout)
	if e.verb == "__complete" {
		return min(limit, time.Second)
	}
	return limit
}

// grace is what a backend gets beyond the limit, to say itself what has not answered.
const grace = 2 * time.Second

// ask looks at a pool's storage within the limit. What is mounted of a server that has gone answers nobody: whoever looks at it waits in
// the kernel, until our process ends. After a signal what looks has a moment to end what it has started.
func ask[T any](e *env, p *pooldef.Pool, look func() (T, error)) (T, error) {
	patience, limited := context.WithTimeout(context.WithoutCancel(e.ctx), e.limit()+grace)
	defer limited()
	signalled := context.AfterFunc(e.ctx, func() { time.AfterFunc(grace, limited) })
	defer signalled()
	value, err := await(patience, look)
	if patience.Err() == nil {
		return value, err
	}
	if e.ctx.Err() != nil {
		return value, e.ctx.Err()
	}
	return value, &backend.TimeoutError{Text: fmt.Sprintf("the storage at %q does not answer", cmp.Or(p.Target.Path, p.Source.Name, p.Name))}
}

// active tells whether a pool is active. Where starting changes the machine, what the machine shows decides, whoever did it;
// elsewhere there has to be a run record, and the storage has to be there.
func (e *env) active(entry *store.Entry) (bool, error) { return e.activeIn(e.ctx, entry) }

func (e *env) activeIn(ctx context.Context, entry *store.Entry) (bool, error) {
	p := entry.Current()
	b, ok := e.backends[p.Type]
	if !ok {
		return false, nil
	}
	if _, starts := b.(backend.Starter); !starts && entry.Started == nil {
		return false, nil
	}
	return ask(e, p, func() (bool, error) { return b.Active(ctx, p) })
}

// space tells the room in a pool that is active.
func (e *env) space(b backend.Backend, p *pooldef.Pool) (pooldef.Space, error) {
	return ask(e, p, func() (pooldef.Space, error) { return b.Space(e.ctx, p) })
}

// inParallel does something for all of a list at once: several servers that have gone take no longer than one.
func inParallel[T, U any](list []T, do func(T) U) []U {
	all := make([]U, len(list))
	var wait sync.WaitGroup
	for i, item := range list {
		wait.Go(func() { all[i] = do(item) })
	}
	wait.Wait()
	return all
}

// statuses asks all pools.
func (e *env) statuses(entries []*store.Entry) []poolStatus {
	return inParallel(entries, e.poolStatus)
}

// isSilent tells whether an error is that something has not answered.
func isSilent(err error) bool { return errors.As(err, new(*backend.TimeoutError)) }
