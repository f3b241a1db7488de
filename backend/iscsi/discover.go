package iscsi

import (
	"context"
	"fmt"
	"strings"

	"poolctl/backend"
	"poolctl/pooldef"
)

// Discover implements backend.Discoverer. It returns the targets that a server offers and that a definition
// can name. For another initiator name than this machine's, open-iscsi would need an interface, so poolctl
// queries the server itself.
func (b *Backend) Discover(ctx context.Context, spec *pooldef.Source) ([]pooldef.Source, error) {
	if spec.Initiator != "" {
		return NewDirect(b.Host, b.Secrets, b.timeout).Discover(ctx, spec)
	}
	portals, err := portalsOf(spec)
	if err != nil {
		return nil, err
	}
	if _, err := reachable(ctx, b.Host, b.timeout/2, portals[:1]); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	out, err := b.Host.Query(limited, discovery(portals[0], ""))
	if backend.IsTimeout(ctx, err) {
		err = &backend.TimeoutError{Text: fmt.Sprintf("the server %s does not answer", portals[0])}
	}
	if err != nil {
		return nil, translateDaemonError(err)
	}
	seen := map[string]bool{}
	var found []pooldef.Source
	for line := range strings.Lines(string(out)) {
		m := offer().FindStringSubmatch(strings.TrimSpace(line))
		if m != nil && isName().MatchString(m[4]) && !seen[m[4]] {
			seen[m[4]] = true
			found = append(
				found, pooldef.Source{Hosts: withPorts(spec.Hosts), Devices: []pooldef.Device{{Path: m[4]}}},
			)
		}
	}
	return found, nil
}
