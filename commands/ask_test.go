package commands

import (
	"errors"
	"sync"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/pooldef"
)

// TestAsk asks what does not answer, twice at once: nobody answers before all have been asked.
func TestAsk(t *testing.T) {
	t.Parallel()
	p := &pooldef.Pool{Name: "p"}
	var asked sync.WaitGroup
	asked.Add(3)
	errs := inParallel([]bool{true, false, true}, func(silent bool) error {
		limit := time.Hour
		if silent {
			limit = time.Millisecond
		}
		e := &env{ctx: t.Context(), cli: &cli{Globals{Timeout: seconds(limit)}}}
		_, err := ask(e, p, func() (bool, error) {
			asked.Done()
			asked.Wait()
			if silent {
				select {}
			}
			return true, nil
		})
		return err
	})
	for i, err := range errs {
		if silent := (*backend.TimeoutError)(nil); errors.As(err, &silent) != (i != 1) || err != nil && status(err) != statusLocked {
			t.Errorf("%d: error %v", i, err)
		}
	}
}
