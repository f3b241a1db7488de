package desired

import (
	"context"
	"slices"
	"strings"

	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// definition compares the stored definition with the wanted one.
func (r *run) definition(context.Context) []step {
	if r.want.InPlace {
		return nil
	}
	if r.isNew {
		return []step{{changes: []*Change{{Action: Define, To: "defined"}}, do: r.write}}
	}
	have := r.entry.Persistent
	if r.want.Set == "" {
		r.p.ManagedBy = have.ManagedBy
	}
	if have.ManagedBy != "" && have.ManagedBy != r.want.Set && r.want.Set != "" && !r.Adopt {
		return []step{{changes: []*Change{{Action: Adopt, Err: &ForeignError{have.ManagedBy}}}}}
	}
	if field, from, to := otherIdentity(have, r.want.Pool); field != "" {
		c := &Change{Action: Redefine, Field: field, From: from, To: to, Err: &UnchangeableError{}}
		return []step{{changes: []*Change{c}}}
	}
	var changes []*Change
	for _, d := range differences(have, r.p) {
		changes = append(changes, &Change{Action: Redefine, Field: d.key, From: d.from, To: d.to})
	}
	if r.Adopt && r.want.Set != "" && have.ManagedBy != r.want.Set {
		changes = append(changes,
			&Change{Action: Adopt, Field: "managed_by", From: have.ManagedBy, To: r.want.Set})
	}
	if changes == nil {
		return nil
	}
	return []step{{changes: changes, do: r.write}}
}

// A difference is a setting that two definitions have with different values; "" is a missing one.
type difference struct{ key, from, to string }

// differences compares two definitions of one pool, except their uuids.
func differences(from, to *pooldef.Pool) (found []difference) {
	before, after := codec.PoolFields(from), codec.PoolFields(to)
	valueOf := func(fields []codec.Field, key string) string {
		for _, f := range fields {
			if f.Key == key {
				return f.Value
			}
		}
		return ""
	}
	for _, f := range slices.Concat(before, after) {
		seen := slices.ContainsFunc(found, func(d difference) bool { return d.key == f.Key })
		a, b := valueOf(before, f.Key), valueOf(after, f.Key)
		if f.Key != "uuid" && !seen && a != b {
			found = append(found, difference{f.Key, a, b})
		}
	}
	return found
}

// harmless are the settings that a running pool does not depend on.
var harmless = []string{"target.mode", "target.owner", "target.group", "target.label", "check."}

// restart compares the definition that an active pool was started with.
func (r *run) restart(context.Context) []step {
	if !r.status.Active || r.entry.Started == nil || r.want.stops() {
		return nil
	}
	var changes []*Change
	for _, d := range differences(r.entry.Started, r.p) {
		if slices.ContainsFunc(harmless, func(key string) bool { return strings.HasPrefix(d.key, key) }) {
			continue
		}
		changes = append(changes, &Change{Action: Restart, Field: d.key, From: d.from, To: d.to})
	}
	if changes == nil {
		return nil
	}
	if !r.Restart {
		for _, c := range changes {
			c.Needs = "--restart"
		}
		return []step{{changes: changes}}
	}
	return []step{{changes: changes, do: func(ctx context.Context) error {
		return r.held.Restart(ctx, r.want.Set)
	}}}
}
