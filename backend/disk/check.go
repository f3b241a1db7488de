package disk

import (
	"context"
	"fmt"
	"strings"

	"poolctl/backend/check"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// The first version of parted that prints JSON is 3.5.
const minMajor, minMinor = 3, 5

// Check implements backend.Checker with one query: the version of parted.
func (b *Backend) Check(
	ctx context.Context, _ *pooldef.Pool, _ []*pooldef.Volume,
) (found []check.Finding, err error) {
	c := host.Cmd("parted", "--version")
	c.Cacheable = true
	out, err := b.Host.Query(ctx, c)
	if err != nil {
		return nil, err
	}
	var major, minor int
	line, _, _ := strings.Cut(string(out), "\n")
	_, err = fmt.Sscanf(line, "parted (GNU parted) %d.%d", &major, &minor)
	if err == nil && (major < minMajor || major == minMajor && minor < minMinor) {
		text := fmt.Sprintf("%s is too old: disk pools need %d.%d or later", line, minMajor, minMinor)
		found = append(found, check.New("tools", text, "apt-get install parted"))
	}
	return found, nil
}

// Tools implements backend.ToolUser.
func (*Backend) Tools(*pooldef.Pool) []string { return []string{"parted"} }
