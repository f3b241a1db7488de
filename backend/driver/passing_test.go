package driver

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
)

// TestAfterPassing has users that go after a second, and some that stay.
func TestAfterPassing(t *testing.T) {
	for _, c := range []struct {
		users []string
		stays bool
		calls int
	}{
		{[]string{"process 7 (poolctl)"}, false, 21},
		{[]string{"volume a (process 7 (poolctl), process 8 (poolctl))"}, false, 21},
		{nil, false, 21}, // gone before the users were looked for
		{[]string{"process 7 (poolctl)"}, true, 42},
		{[]string{"process 7 (poolctl)", "process 8 (qemu)"}, true, 1},
		{[]string{`mounted at "/mnt"`}, true, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &Driver{Host: &host.CachedHost{}}
			begin, calls := time.Now(), 0
			err := d.afterPassing(t.Context(), func() error {
				if calls++; c.stays || time.Since(begin) < time.Second {
					return &backend.BusyError{Users: c.users}
				}
				return nil
			})
			if calls != c.calls || (err != nil) != c.stays {
				t.Errorf("%q: %d calls, error %v", c.users, calls, err)
			}
		})
	}
}

// TestAfterPassingInterrupted has a signal: the error is still that of the change.
func TestAfterPassingInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := &Driver{Host: &host.CachedHost{}}
	err := d.afterPassing(ctx, func() error { return &backend.BusyError{} })
	if !errors.As(err, new(*backend.BusyError)) {
		t.Errorf("error %v", err)
	}
}
