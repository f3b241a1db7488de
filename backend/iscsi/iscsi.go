// Package iscsi manages pools of type iscsi and iscsi-direct: the pool is an iSCSI target, and its volumes
// are the target's logical units.
//
// [Backend] manages pools of type iscsi. Starting one makes this machine's kernel log in with open-iscsi
// (iscsiadm(8)), through an interface whose name contains the pool's UUID. The interface distinguishes
// poolctl's sessions from others, which poolctl uses but never ends. [Direct] manages pools of type
// iscsi-direct: poolctl queries the target with package initiator, and the kernel does not log in.
package iscsi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"poolctl/backend"
	"poolctl/backend/check"
	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/backend/scsivol"
	"poolctl/pooldef"
)

// Backend manages pools of type iscsi.
type Backend struct {
	scsivol.Units
	timeout time.Duration
}

// New returns the backend. A server must answer within timeout; open-iscsi would try for two minutes.
func New(h host.Host, s backend.Secrets, timeout time.Duration) *Backend {
	b := &Backend{Units: scsivol.New(h, s), timeout: timeout}
	b.Find, b.Hosts, b.Scan = b.Ready, b.hosts, b.scan
	return b
}

// Dependencies implements backend.Dependent.
func (*Backend) Dependencies(*pooldef.Pool) backend.Dependencies {
	return backend.Dependencies{Network: true,
		Services: []string{"iscsid.socket", "iscsid.service", "open-iscsi.service"}}
}

// scan looks for new units with iscsiadm. If the server does not answer, the kernel blocks the calling
// process for minutes, and that process cannot be killed. So iscsiadm makes the call, not poolctl.
func (b *Backend) scan(ctx context.Context, number int) error {
	all, err := readSessions(b.Host.Sys())
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
	return translateDaemonError(err)
}

// Active implements backend.Backend. A pool is active if there is a session with its target at one of its
// portals, even if another program created the session. If all sessions have lost their connection, Active
// returns a TimeoutError.
func (b *Backend) Active(ctx context.Context, p *pooldef.Pool) (bool, error) {
	t, err := targetOf(p)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return false, err
	}
	found, err := b.connected(ctx, p, t)
	return len(found) > 0, err
}

// connected returns the pool's sessions that are connected.
func (b *Backend) connected(ctx context.Context, p *pooldef.Pool, t target) ([]session, error) {
	all, err := b.sessions(ctx, p, t)
	found := slices.DeleteFunc(slices.Clone(all), func(s session) bool { return !s.isConnected() })
	if err == nil && len(found) == 0 && len(all) > 0 {
		err = &check.Error{ID: "iscsi-session", Err: &backend.TimeoutError{
			Text: fmt.Sprintf("the target %s does not answer: its session is %s", t.iqn, all[0].state),
		}}
	}
	return found, err
}

// hosts returns the SCSI hosts of the pool's sessions, for scsivol.Units.
func (b *Backend) hosts(ctx context.Context, p *pooldef.Pool) ([]int, error) {
	t, err := targetOf(p)
	if err != nil {
		return nil, err
	}
	found, err := b.connected(ctx, p, t)
	if err == nil && len(found) == 0 {
		err = &check.Error{ID: "iscsi-session", Err: &backend.StateError{
			Text: "this machine is not logged in to the target",
			Hint: "poolctl pool-start " + shell.Quote(p.Name),
		}}
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

// ReadStatus implements backend.StatusReader. As in libvirt, it adds the ports of the portals.
func (b *Backend) ReadStatus(_ context.Context, p *pooldef.Pool) (*pooldef.Pool, error) {
	seen := *p
	seen.Source.Hosts = withPorts(p.Source.Hosts)
	return &seen, nil
}

// withPorts returns the hosts, with the default port where none is given.
func withPorts(hosts []pooldef.Host) []pooldef.Host {
	hosts = slices.Clone(hosts)
	for i := range hosts {
		if hosts[i].Port == 0 {
			hosts[i].Port = defaultPort
		}
	}
	return hosts
}
