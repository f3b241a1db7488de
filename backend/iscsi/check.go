package iscsi

import (
	"context"
	"fmt"

	"poolctl/backend/check"
	"poolctl/pooldef"
)

// Check implements backend.Checker: it reports those of several sessions that are not connected. It reads
// only /sys.
func (b *Backend) Check(
	ctx context.Context, p *pooldef.Pool, _ []*pooldef.Volume,
) (found []check.Finding, err error) {
	t, err := targetOf(p)
	if err != nil {
		return nil, err
	}
	all, err := b.sessions(ctx, p, t)
	for _, s := range all {
		if !s.isConnected() {
			text := fmt.Sprintf("session %s with %s is %s", s.id, s.addresses[0], s.state)
			found = append(found, check.New("iscsi-session", text, "iscsiadm -m session -P 1"))
		}
	}
	return found, err
}

// Tools implements backend.ToolUser.
func (*Backend) Tools(*pooldef.Pool) []string { return []string{"iscsiadm"} }
