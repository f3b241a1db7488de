// Package iscsi manages pools whose volumes are the logical units of an iSCSI target: this machine logs in when the pool is started.
package iscsi

import (
	"context"
	"fmt"
	"slices"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/scsivol"
	"poolctl/pooldef"
)

// Backend manages pools of type iscsi.
type Backend struct {
	scsivol.Units
	timeout time.Duration
}

// New returns the backend. A server may take as long as timeout to answer; open-iscsi would try for two minutes.
func New(h host.Host, s backend.Secrets, timeout time.Duration) *Backend {
	b := &Backend{Units: scsivol.New(h, s), timeout: timeout}
	b.Find, b.Hosts, b.Scan = b.Ready, b.hosts, b.scan
	return b
}

// scan is iscsiadm's: a server that does not answer keeps the kernel waiting for minutes, and whoever has asked it cannot be ended. That is
// iscsiadm then, and not we.
func (b *Backend) scan(ctx context.Context, number int) error {
	all, err := read(b.Host.Sys())
	for _, s := range all {
		if s.host != number || err != nil {
			continue
		}
		limited, cancel := context.WithTimeout(ctx, b.timeout)
		err = b.Host.Change(limited, iscsiadm("--mode", "session", "--sid", s.id, "--rescan"))
		cancel()
		if backend.IsTimeout(ctx, err) {
			err = &backend.TimeoutError{Text: fmt.Sprintf("the target %s does not answer", s.target)}
		}
	}
	return explained(err)
}

// Active implements backend.Backend: there is a session, whoever has made it, with the pool's target at one of its portals. That none is
// connected any more is a SilentError. A pool without a target can be defined, but never be active.
func (b *Backend) Active(ctx context.Context, p *pooldef.Pool) (bool, error) {
	t, err := targetOf(p)
	if err != nil || ctx.Err() != nil {
		return false, ctx.Err()
	}
	found, err := b.connected(ctx, p, t)
	return len(found) > 0, err
}

// connected returns those of a pool's sessions that are connected.
func (b *Backend) connected(ctx context.Context, p *pooldef.Pool, t target) ([]session, error) {
	all, err := b.sessions(ctx, p, t)
	found := slices.DeleteFunc(slices.Clone(all), func(s session) bool { return !s.isConnected() })
	if err == nil && len(found) == 0 && len(all) > 0 {
		err = &backend.TimeoutError{Text: fmt.Sprintf("the target %s does not answer: its session is %s", t.iqn, all[0].state)}
	}
	return found, err
}

// hosts are the SCSI hosts of the pool's sessions, for scsivol.Units.
func (b *Backend) hosts(ctx context.Context, p *pooldef.Pool) ([]int, error) {
	t, err := targetOf(p)
	if err != nil {
		return nil, err
	}
	found, err := b.connected(ctx, p, t)
	if err == nil && len(found) == 0 {
		err = &backend.StateError{Text: "this machine is not logged in to the target", Hint: "poolctl pool-start " + host.Quote(p.Name)}
	}
	return hostsOf(found), err
}

func hostsOf(sessions []session) []int {
	var hosts []int
	for _, s := range sessions {
		hosts = append(hosts, s.host)
	}
	return hosts
}

// ReadStatus implements backend.Observer: the ports of the portals, as libvirt shows them.
func (b *Backend) ReadStatus(_ context.Context, p *pooldef.Pool) (*pooldef.Pool, error) {
	seen := *p
	seen.Source.Hosts = withPorts(p.Source.Hosts)
	return &seen, nil
}

// withPorts returns the hosts with the port that those have of which none is said.
func withPorts(hosts []pooldef.Host) []pooldef.Host {
	hosts = slices.Clone(hosts)
	for i := range hosts {
		if hosts[i].Port == 0 {
			hosts[i].Port = defaultPort
		}
	}
	return hosts
}
