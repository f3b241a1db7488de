package commands

import (
	"poolctl/pooldef/store"
)

// findSecret loads the secret that the user means, by uuid or by what it is for.
func (e *env) findSecret(uuidOrUsage string) (*store.SecretEntry, error) {
	entry, err := e.store.Secret(uuidOrUsage)
	if err != nil {
		return entry, err
	}
	for _, w := range entry.Warnings {
		e.warn("%w", w)
	}
	return entry, nil
}

// allSecrets loads every secret that can be used and warns of what is wrong with the others.
func (e *env) allSecrets() ([]*store.SecretEntry, error) {
	entries, err := e.store.Secrets()
	if err != nil {
		return nil, err
	}
	var usable []*store.SecretEntry
	for _, entry := range entries {
		for _, w := range entry.Warnings {
			e.warn("%w", w)
		}
		if entry.Err == nil {
			usable = append(usable, entry)
			continue
		}
		for _, line := range lines(entry.Err) {
			e.warn("secret %q cannot be used: %s", entry.UUID, line)
		}
	}
	return usable, nil
}

// secretFields are the names of what is told of a secret in machine-readable output. They are stable.
var secretFields = []string{"uuid", "usage_type", "usage", "description", "ephemeral", "private", "has_value", "file"}

func secretValues(entry *store.SecretEntry) []any {
	s := entry.Secret
	return []any{s.UUID, s.UsageType, orNull(s.Usage), orNull(s.Description), s.Ephemeral, s.Private, entry.HasValue, entry.File}
}
