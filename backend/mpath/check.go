package mpath

import (
	"context"
	"fmt"
	"strings"

	"poolctl/backend/check"
	"poolctl/pooldef"
)

// Check implements backend.Checker. It asks nothing: the volumes have their paths.
func (b *Backend) Check(
	_ context.Context, _ *pooldef.Pool, volumes []*pooldef.Volume,
) (found []check.Finding, err error) {
	for _, v := range volumes {
		var lost []string
		for _, p := range v.Paths {
			if isLost(p) {
				lost = append(lost, p.Device)
			}
		}
		all, left := len(v.Paths), len(v.Paths)-len(lost)
		if len(lost) == 0 && all > 0 {
			continue
		}
		text := fmt.Sprintf("%d of %d paths left", left, all)
		if len(lost) > 0 {
			text += ", lost: " + strings.Join(lost, ", ")
		}
		f := check.New("multipath", text, "multipath -ll "+v.Name)
		f.Volume = v.Name
		if left <= 1 {
			f.Severity = check.Critical
		}
		found = append(found, f)
	}
	return found, nil
}

// isLost reports whether a path cannot be used. Without a running multipathd, only the kernel's state is
// known.
func isLost(p pooldef.Path) bool {
	return p.State == "failed" || p.Checker == "faulty" || p.DeviceState != "" && p.DeviceState != "running"
}
