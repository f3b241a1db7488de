package desired

import (
	"context"
	"errors"
	"fmt"

	"poolctl/pooldef"
)

// checkConflicts returns a ConflictError if two definitions of the set have one uuid or the same storage.
func (s *Session) checkConflicts() error {
	var before []*pooldef.Pool
	sources := &knownSources{SourceResolver: s.Driver.Host, canonical: map[string]string{}}
	places := map[string]string{}
	for _, p := range s.Set.Pools {
		unique := *p.Pool
		if unique.UUID == "" {
			unique.UUID = pooldef.NewUUID()
		}
		for _, other := range before {
			err := pooldef.CheckConflicts(&unique, []*pooldef.Pool{other}, sources)
			if err != nil {
				text := fmt.Sprintf("%s: pool %q: %v (%s)", p.place(), unique.Name, err, places[other.Name])
				return &pooldef.ConflictError{Text: text}
			}
		}
		before, places[unique.Name] = append(before, &unique), p.place()
	}
	return nil
}

// knownSources resolves each path once: every pool is compared with every other one.
type knownSources struct {
	pooldef.SourceResolver
	canonical map[string]string
}

// Canonical implements [pooldef.SourceResolver].
func (k *knownSources) Canonical(path string) string {
	known, found := k.canonical[path]
	if !found {
		known = k.SourceResolver.Canonical(path)
		k.canonical[path] = known
	}
	return known
}

// checkIdentity returns a ConflictError if a stored pool has the name of a declared one, but another type or
// uuid.
func (s *Session) checkIdentity(context.Context) error {
	for _, p := range s.Set.Pools {
		entry, _ := s.Driver.Store.Load(p.Pool.Name) // an error is reported with the pool
		if entry == nil || entry.Persistent == nil {
			continue
		}
		if field, from, to := otherIdentity(entry.Persistent, p.Pool); field != "" {
			text := fmt.Sprintf("%s: pool %q exists already, with the %s %s instead of %s",
				p.place(), p.Pool.Name, field, from, to)
			return &pooldef.ConflictError{Text: text}
		}
	}
	return nil
}

// otherIdentity returns in which field a stored definition is that of another pool; "" if it is not.
func otherIdentity(have, want *pooldef.Pool) (field, from, to string) {
	switch {
	case have.Type != want.Type:
		return "type", string(have.Type), string(want.Type)
	case want.UUID != "" && have.UUID != want.UUID:
		return "uuid", have.UUID, want.UUID
	}
	return "", "", ""
}

// checkSecrets returns an error if a pool or a volume to be made needs a secret that has no value. The error
// of all of them is one, with a line for each.
func (s *Session) checkSecrets(context.Context) error {
	var missing []error
	seen := map[pooldef.SecretRef]bool{}
	check := func(what string, ref pooldef.SecretRef, usage string) {
		if seen[ref] {
			return
		}
		seen[ref] = true
		if _, err := s.Driver.Store.SecretValue(ref, usage); err != nil {
			missing = append(missing, fmt.Errorf("%s: %w", what, err))
		}
	}
	for _, p := range s.Set.Pools {
		what := fmt.Sprintf("%s: pool %q", p.place(), p.Pool.Name)
		if auth := p.Pool.Source.Auth; auth != nil {
			check(what, auth.Secret, auth.UsageType())
			if auth.Mutual != nil {
				check(what, auth.Mutual.Secret, auth.UsageType())
			}
		}
		for _, v := range p.Volumes {
			if v.Absent || v.Target.Encryption == nil {
				continue
			}
			for _, ref := range v.Target.Encryption.Secrets {
				check(fmt.Sprintf("%s:%d: volume %q", p.File, v.Line, v.Name), ref, "volume")
			}
		}
	}
	return errors.Join(missing...)
}
