package host

import (
	"context"
	"strings"
	"sync"
)

// CachedHost keeps the results of queries during one poolctl command. A query of a [Command] that is not
// Cacheable always reaches the wrapped host, and its result is not kept. Change and Invalidate clear the
// cache.
type CachedHost struct {
	Host

	mu      sync.Mutex
	outputs map[string][]byte // by the program's name and arguments
}

// Query implements Host. Errors are not cached.
func (h *CachedHost) Query(ctx context.Context, c Command) ([]byte, error) {
	if !c.Cacheable {
		return h.Host.Query(ctx, c)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	key := c.Name + "\x00" + strings.Join(c.Args, "\x00")
	if out, ok := h.outputs[key]; ok {
		return out, ctx.Err()
	}
	out, err := h.Host.Query(ctx, c)
	if err == nil {
		if h.outputs == nil {
			h.outputs = map[string][]byte{}
		}
		h.outputs[key] = out
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
