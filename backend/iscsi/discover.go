package iscsi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"poolctl/backend"
	"poolctl/pooldef"
)

// Discover implements backend.Discoverer: the targets that a server offers, also to an initiator of another name, for which an interface
// is made for the time being.
func (b *Backend) Discover(ctx context.Context, spec *pooldef.Source) (found []pooldef.Source, err error) {
	portals, err := portalsOf(spec)
	if err != nil {
		return nil, err
	}
	if _, err := reachable(ctx, b.Host, b.timeout/2, portals[:1]); err != nil {
		return nil, err
	}
	iface := ""
	if spec.Initiator != "" {
		if !isName(spec.Initiator) {
			return nil, pooldef.Problems{{Element: "initiator/iqn", Text: fmt.Sprintf("%q is not the name of an initiator", spec.Initiator)}}
		}
		iface = fmt.Sprintf("%sdiscovery-%d", prefix, os.Getpid())
		defer func() {
			if b.hasInterface(iface) {
				err = errors.Join(err, b.Host.Change(context.WithoutCancel(ctx), iscsiadm("--mode", "iface", "--interface", iface, "--op", "delete")))
			}
		}()
		if err := b.makeInterface(ctx, iface, spec.Initiator); err != nil {
			return nil, err
		}
	}
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	out, err := b.Host.Query(limited, discovery(portals[0], iface))
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = &backend.SilentError{Text: fmt.Sprintf("the server %s does not answer", portals[0])}
	}
	if err != nil {
		return nil, explained(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		if m := offer.FindStringSubmatch(strings.TrimSpace(line)); m != nil && !seen[m[4]] {
			seen[m[4]] = true
			found = append(found, pooldef.Source{Hosts: withPorts(spec.Hosts), Devices: []pooldef.Device{{Path: m[4]}}, Initiator: spec.Initiator})
		}
	}
	return found, nil
}
