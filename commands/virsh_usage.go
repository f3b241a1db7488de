package commands

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"poolctl/format/lazy"
)

// misuses have the sentences of poolctl and kong about options, and virsh's.
var misuses = []struct {
	ours  func() *regexp.Regexp
	virsh string
}{
	{
		lazy.Regexp(`^(?:the options )?(--\S+) and (--\S+) (?:can't be used together|exclude each other)$`),
		"Options $1 and $2 are mutually exclusive",
	},
	{lazy.Regexp(`^--algorithm must be one of .* but got "(.*)"$`), "Unsupported algorithm '$1'"},
	{lazy.Regexp(`^"(.*)" is not a pool type$`), "Invalid pool type '$1'"},
	{lazy.Regexp(`^"(.*)" is not a uuid$`), "failed to get pool '$1'"},
	{lazy.Regexp(`^a size that begins with - needs --shrink$`), "negative size requires --shrink"},
}

// misuse returns what virsh says about a command line with a value or combination that it cannot use, or "".
func (e *env) misuse(err error) string {
	usage, ok := errors.AsType[*usageError](err)
	if !ok {
		return ""
	}
	for _, m := range misuses {
		if m.ours().MatchString(usage.text) && !strings.HasPrefix(e.verb, "find-") {
			return m.ours().ReplaceAllString(usage.text, m.virsh)
		}
	}
	if e.command == nil {
		return ""
	}
	c := virshCommand{e.command.Selected()}
	argument, _, _ := strings.Cut(usage.text, ": ")
	value, _ := c.value(argument)
	capacity, _ := c.value("capacity")
	switch {
	case c.Name == "vol-resize" && !strings.HasSuffix(usage.text, "exceeds the largest possible volume"):
		return "Malformed size " + capacity
	case c.Name == "vol-create-as" && (argument == "capacity" || argument == "allocation"):
		return "Malformed size " + value
	case argument == "offset" || argument == "length":
		return fmt.Sprintf("Numeric value '%s' for <%s> option is malformed or out of range", value, argument)
	}
	return ""
}
