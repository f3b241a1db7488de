package commands

import (
	"poolctl/pooldef/store"
)

// findSecret loads the secret with a uuid or usage.
func (e *env) findSecret(uuidOrUsage string) (*store.SecretEntry, error) {
	entry, err := e.driver.Store.Secret(uuidOrUsage)
	if err != nil {
		return entry, err
	}
	for _, w := range entry.Warnings {
		e.Warn("%w", w)
	}
	return entry, nil
}

// allSecrets loads all secrets whose definitions can be used, and warns about the others.
func (e *env) allSecrets() ([]*store.SecretEntry, error) {
	entries, err := e.driver.Store.Secrets()
	if err != nil {
		return nil, err
	}
	var usable []*store.SecretEntry
	for _, entry := range entries {
		for _, w := range entry.Warnings {
			e.Warn("%w", w)
		}
		if entry.Err == nil {
			usable = append(usable, entry)
			continue
		}
		e.warnProblem("secret", entry.UUID, entry.Err)
	}
	return usable, nil
}

// secretFields are the names of a secret's fields in machine-readable output. They are stable.
var secretFields = []string{
	"uuid", "usage_type", "usage", "description", "ephemeral", "private", "has_value", "file",
}

// secretValues returns the values of secretFields.
func secretValues(entry *store.SecretEntry) []any {
	s := entry.Secret
	if s == nil { // its definition cannot be used
		return []any{entry.UUID, nil, nil, nil, nil, nil, entry.HasValue, orNull(entry.File)}
	}
	return []any{
		s.UUID, s.UsageType, orNull(s.Usage), orNull(s.Description), s.Ephemeral, s.Private,
		entry.HasValue, orNull(entry.File),
	}
}
