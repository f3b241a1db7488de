package host

import (
	"context"
	"reflect"
	"sync"
)

// CachedHost keeps the results of queries during one poolctl command. A query of a [Command] that is not
// Cacheable always reaches the wrapped host, and its result is not kept. Change and Invalidate clear the
// cache.
type CachedHost struct {
	Host

	mu      sync.Mutex
	outputs []cachedOutput // few: a search is faster than a key
}

// A cachedOutput is what a command printed.
type cachedOutput struct {
	of  Command
	out []byte
}

// Query implements Host. Errors are not cached. The output of a command is returned only for a command of
// which every field is the same; a command with OnOutput is never the same as another.
func (h *CachedHost) Query(ctx context.Context, c Command) ([]byte, error) {
	if !c.Cacheable {
		return h.Host.Query(ctx, c)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, cached := range h.outputs {
		if reflect.DeepEqual(cached.of, c) {
			return cached.out, ctx.Err()
		}
	}
	out, err := h.Host.Query(ctx, c)
	if err == nil {
		h.outputs = append(h.outputs, cachedOutput{c, out})
	}
	return out, err
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
