package host

import (
	"context"
	"reflect"
	"slices"
	"sync"
)

// CachedHost keeps the results of queries during one poolctl command. A query of a [Command] that is not
// Cacheable always reaches the wrapped host, and its result is not kept. Change and Invalidate clear the
// cache.
type CachedHost struct {
	Host

	mu      sync.Mutex
	outputs []*cachedOutput // few: a search is faster than a key
}

// A cachedOutput is what a command printed, or will have printed when done is closed.
type cachedOutput struct {
	of   Command
	done chan struct{}
	out  []byte
	err  error
}

// Query implements Host. Errors are not cached. The output of a command is returned only for a command of
// which every field is the same; a command with OnOutput is never the same as another. A command that is
// running is not started again. Other commands do not wait for it.
func (h *CachedHost) Query(ctx context.Context, c Command) ([]byte, error) {
	if !c.Cacheable {
		return h.Host.Query(ctx, c)
	}
	for {
		output, isNew := h.output(c)
		if isNew {
			output.out, output.err = h.Host.Query(ctx, c)
			if output.err != nil {
				h.remove(output)
			}
			close(output.done)
			return output.out, output.err
		}
		select {
		case <-output.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if output.err == nil {
			return output.out, ctx.Err()
		}
	}
}

// output returns the cached output of a command, or a new one.
func (h *CachedHost) output(c Command) (output *cachedOutput, isNew bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, cached := range h.outputs {
		if reflect.DeepEqual(cached.of, c) {
			return cached, false
		}
	}
	output = &cachedOutput{of: c, done: make(chan struct{})}
	h.outputs = append(h.outputs, output)
	return output, true
}

func (h *CachedHost) remove(output *cachedOutput) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.outputs = slices.DeleteFunc(h.outputs, func(o *cachedOutput) bool { return o == output })
}

// Change implements Host. It clears the cache even if the step fails. A PendingFile does not clear the cache,
// because nothing changes before its Commit.
func (h *CachedHost) Change(ctx context.Context, s Step) error {
	if _, pending := s.(*PendingFile); !pending {
		defer h.Invalidate()
	}
	return h.Host.Change(ctx, s)
}

// Invalidate implements Host.
func (h *CachedHost) Invalidate() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.outputs = nil
}
