package backend

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"poolctl/backend/host"
)

// TestStaging fails each step of a Staging. Remove must run exactly after an error, with a context that is
// not done, and must know whether the rename may have taken effect.
func TestStaging(t *testing.T) {
	failed := errors.New("failed")
	for _, test := range []struct {
		create, rename, remove error
		want                   string
	}{
		{nil, nil, nil, "create rename"},
		{failed, nil, nil, "create remove false"},
		{fs.ErrExist, nil, nil, "create remove false"},
		{nil, failed, nil, "create rename remove true"},
		{nil, &fs.PathError{Op: "create", Path: "v", Err: fs.ErrExist}, nil, "create rename remove false"},
		{nil, failed, errors.New("not removed"), "create rename remove true"},
	} {
		var steps []string
		names := host.TempNames{Prefix: ".test-"}
		step := func(what, temp string, err error) error {
			if !names.Match(temp) || names.IsStale(temp) {
				t.Errorf("%s: %q is not a temporary name in use", what, temp)
			}
			steps = append(steps, what)
			return err
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := Staging{
			Names:  &names,
			Create: func(temp string) error { return step("create", temp, test.create) },
			Rename: func(temp string) error { return step("rename", temp, test.rename) },
			Remove: func(ctx context.Context, temp string, maybeRenamed bool) error {
				return errors.Join(ctx.Err(), step(fmt.Sprintf("remove %v", maybeRenamed), temp, test.remove))
			},
		}.Run(ctx)
		if got := strings.Join(steps, " "); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
		for _, want := range []error{test.create, test.rename, test.remove} {
			if want != nil && !errors.Is(err, want) {
				t.Errorf("%s: error %v, want %v", test.want, err, want)
			}
		}
		if errors.Is(err, context.Canceled) || (err == nil) != (test.want == "create rename") {
			t.Errorf("%s: error %v", test.want, err)
		}
	}
}
