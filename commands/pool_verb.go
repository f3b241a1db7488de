package commands

import (
	"context"
	"fmt"
)

// poolArg is the argument of verbs that change one pool.
type poolArg struct {
	Pool string `arg:"" help:"Name or uuid of the pool."`
}

// run does the work of a verb on the pool, then prints done, a sentence with the pool's name. Errors begin
// with what, such as "stop".
func (a *poolArg) run(e *env, what, done string, work func(ctx context.Context, pool string) error) error {
	e.reportPool(a.Pool)
	if err := work(e.ctx, a.Pool); err != nil {
		return fmt.Errorf("%s pool %q: %w", what, a.Pool, err)
	}
	e.Say(done, a.Pool)
	return nil
}
