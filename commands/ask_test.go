package commands

import (
	"errors"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/pooldef"
)

// TestAsk asks what does not answer, twice at once.
func TestAsk(t *testing.T) {
	t.Parallel()
	e := &env{cli: &cli{Globals{Timeout: seconds(time.Millisecond)}}}
	p := &pooldef.Pool{Name: "p"}
	begin := time.Now()
	errs := inParallel([]bool{true, false, true}, func(silent bool) error {
		_, err := ask(e, p, func() (bool, error) {
			if silent {
				select {}
			}
			return true, nil
		})
		return err
	})
	for i, err := range errs {
		if silent := (*backend.SilentError)(nil); errors.As(err, &silent) != (i != 1) || err != nil && status(err) != statusLocked {
			t.Errorf("%d: error %v", i, err)
		}
	}
	if took := time.Since(begin); took > 2*grace {
		t.Errorf("it took %v", took)
	}
}
