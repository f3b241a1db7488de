package desired

import (
	"context"
	"fmt"

	"poolctl/backend"
)

// permissions compares the permissions of the pool's directory, if it can be seen.
func (r *run) permissions(ctx context.Context) []step {
	want := r.p.Target.Permissions
	b := r.Driver.Backends[r.p.Type]
	_, mounts := b.(backend.Starter)
	_, sets := b.(backend.PermissionSetter)
	isSeen := r.status.Active || !mounts && !r.unbuilt
	if want.Mode == nil && want.Owner == nil && want.Group == nil || !sets || !isSeen {
		return nil
	}
	seen, err := r.Driver.ReadStatus(ctx, r.p)
	if err != nil { // it is missing, or does not answer, which another stage says
		return nil
	}
	have := seen.Target.Permissions
	var changes []*Change
	for _, part := range []struct {
		field      string
		have, want *uint32
		text       string
	}{
		{"target.mode", have.Mode, want.Mode, "%04o"}, {"target.owner", have.Owner, want.Owner, "%d"},
		{"target.group", have.Group, want.Group, "%d"},
	} {
		if part.want != nil && part.have != nil && *part.have != *part.want {
			changes = append(changes, &Change{Action: Permissions, Field: part.field,
				From: fmt.Sprintf(part.text, *part.have), To: fmt.Sprintf(part.text, *part.want)})
		}
	}
	if changes == nil {
		return nil
	}
	return []step{{changes: changes, do: func(ctx context.Context) error {
		return r.Driver.SetPermissions(ctx, r.p)
	}}}
}
