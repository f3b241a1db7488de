package host

import (
	"context"
	"strings"
	"sync"
)

// Once lets a verb have a question answered once: what is asked by Ask keeps its answer until something is changed, or forgotten.
type Once struct {
	Host

	mu      sync.Mutex
	answers map[string][]byte
}

// Ask is Query where the answer may be one that a Once has. Who waits for something to change must not ask so.
func Ask(ctx context.Context, h Host, c Command) ([]byte, error) {
	switch h := h.(type) {
	case *Once:
		return h.ask(ctx, c)
	case *DryRun: // what has not been changed is as it was
		return Ask(ctx, h.Host, c)
	}
	return h.Query(ctx, c)
}

func (o *Once) ask(ctx context.Context, c Command) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	question := c.Name + "\x00" + strings.Join(c.Args, "\x00")
	if out, ok := o.answers[question]; ok {
		return out, ctx.Err()
	}
	out, err := o.Query(ctx, c)
	if err == nil {
		if o.answers == nil {
			o.answers = map[string][]byte{}
		}
		o.answers[question] = out
	}
	return out, err
}

// Change implements Host. A draft is nothing yet.
func (o *Once) Change(ctx context.Context, s Step) error {
	if _, ok := s.(*PendingFile); !ok {
		defer o.forget()
	}
	return o.Host.Change(ctx, s)
}

// Forget has everything asked anew, as it has to be when a lock has been waited for.
func Forget(h Host) {
	switch h := h.(type) {
	case *Once:
		h.forget()
	case *DryRun:
		Forget(h.Host)
	}
}

func (o *Once) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answers = nil
}
