package commands

import (
	"fmt"
	"slices"

	"poolctl/format"
	"poolctl/pooldef"
)

// similarVolume asks whether a volume is meant whose name is like the one that was given. It returns "" if
// there is none. It reads directories of this machine only, and asks no server.
func (e *env) similarVolume() string {
	if e.command == nil {
		return ""
	}
	line := selectedVerb{e.command.Selected()}
	pool, _ := line.value("pool")
	typed, _ := line.value("vol")
	entry, err := e.driver.FindPool(pool)
	if err != nil {
		return ""
	}
	p := entry.Current()
	if !slices.Contains([]pooldef.Type{pooldef.Dir, pooldef.FS}, p.Type) {
		return ""
	}
	var names []string
	for v, err := range e.driver.Backends[p.Type].Volumes(e.ctx, p) {
		if err != nil {
			return ""
		}
		names = append(names, v.Name)
	}
	if similar := format.Similar(typed, names); similar != "" {
		return fmt.Sprintf("did you mean %q?", similar)
	}
	return ""
}
