package driver

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"poolctl/backend"
	"poolctl/pooldef"
)

// grace is the time beyond the timeout that a backend gets to report itself what has not answered.
const grace = 2 * time.Second

// ask runs query, which inspects a pool's storage, and returns its result. If query takes longer than the
// timeout and grace, ask returns a [backend.TimeoutError]: a process that inspects a mount of a server that
// is gone blocks in the kernel until the process ends. After a signal, query has grace to stop what it
// started.
func ask[T any](ctx context.Context, d *Driver, p *pooldef.Pool, query func() (T, error)) (T, error) {
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.Timeout+grace)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	defer stop()
	value, err := backend.Await(patience, query)
	if patience.Err() == nil {
		return value, err
	}
	if ctx.Err() != nil {
		return value, ctx.Err()
	}
	storage := cmp.Or(p.Target.Path, p.Source.Name, p.Name)
	return value, &backend.TimeoutError{Text: fmt.Sprintf("the storage at %q does not answer", storage)}
}

// InParts calls do for all items at once, and yields the results in parts, each in the order of the items. If
// no result arrives for the time silence, those that have arrived are a part: a server that does not answer
// delays only its own result.
func InParts[T, U any](items []T, silence time.Duration, do func(T) U) iter.Seq[[]U] {
	type result struct {
		nth   int
		value U
	}
	return func(yield func([]U) bool) {
		arrivals := make(chan result, len(items))
		for i, item := range items {
			go func() { arrivals <- result{i, do(item)} }()
		}
		for missing := len(items); missing > 0; {
			part := receivePart(arrivals, missing, silence)
			missing -= len(part)
			slices.SortFunc(part, func(a, b result) int { return cmp.Compare(a.nth, b.nth) })
			values := make([]U, len(part))
			for i, r := range part {
				values[i] = r.value
			}
			if !yield(values) {
				return
			}
		}
	}
}

// receivePart receives a value, and those that follow with less than silence between them, up to limit.
func receivePart[T any](values <-chan T, limit int, silence time.Duration) []T {
	part := []T{<-values}
	timer := time.NewTimer(silence)
	defer timer.Stop()
	for len(part) < limit {
		select {
		case value := <-values:
			part = append(part, value)
			timer.Reset(silence)
		case <-timer.C:
			return part
		}
	}
	return part
}

// InParallel calls do for all items at once and returns the results in order. Several servers that do not
// answer then take no longer than one.
func InParallel[T, U any](items []T, do func(T) U) []U {
	results := make([]U, len(items))
	if len(items) == 1 {
		results[0] = do(items[0])
		return results
	}
	var wait sync.WaitGroup
	for i, item := range items {
		wait.Go(func() { results[i] = do(item) })
	}
	wait.Wait()
	return results
}
