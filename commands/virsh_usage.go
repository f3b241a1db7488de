package commands

import (
	"errors"
	"regexp"

	"poolctl/format/lazy"
)

// misuses have the sentences of kong about options, and virsh's.
var misuses = []struct {
	kong  func() *regexp.Regexp
	virsh string
}{
	{
		lazy.Regexp(`^(--\S+) and (--\S+) can't be used together$`),
		"Options $1 and $2 are mutually exclusive",
	},
	{lazy.Regexp(`^--algorithm must be one of .* but got "(.*)"$`), "Unsupported algorithm '$1'"},
}

// misuse returns what virsh says about a command line with a value or combination that kong refuses, or "".
func misuse(err error) string {
	usage, ok := errors.AsType[*usageError](err)
	if !ok {
		return ""
	}
	for _, m := range misuses {
		if m.kong().MatchString(usage.text) {
			return m.kong().ReplaceAllString(usage.text, m.virsh)
		}
	}
	return ""
}
