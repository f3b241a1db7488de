package driver

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/pooldef"
)

// TestAsk runs three queries at once, two of which never return: all must run before any returns.
func TestAsk(t *testing.T) {
	t.Parallel()
	p := &pooldef.Pool{Name: "p"}
	var asked sync.WaitGroup
	asked.Add(3)
	errs := InParallel([]bool{true, false, true}, func(hangs bool) error {
		timeout := time.Hour
		if hangs {
			timeout = time.Millisecond
		}
		_, err := ask(t.Context(), &Driver{Timeout: timeout}, p, func() (bool, error) {
			asked.Done()
			asked.Wait()
			if hangs {
				select {}
			}
			return true, nil
		})
		return err
	})
	for i, err := range errs {
		hung := i != 1
		isTimeout := errors.As(err, new(*backend.TimeoutError)) && errors.Is(err, context.DeadlineExceeded)
		if isTimeout != hung || !hung && err != nil {
			t.Errorf("%d: error %v", i, err)
		}
	}
}
