package iscsi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// Start implements backend.Starter. It logs in at each portal. If only some portals can be reached, it skips
// the others and returns a warning.
func (b *Backend) Start(ctx context.Context, p *pooldef.Pool) error {
	t, err := targetOf(p)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	chap, err := chapLines(p.Source.Auth, b.Secrets)
	if err != nil {
		return err
	}
	there, err := b.sessions(ctx, p, t)
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(slices.Clone(t.portals), func(at portal) bool {
		return slices.ContainsFunc(there, func(s session) bool { return b.isAt(ctx, s, at) })
	})
	if len(missing) == 0 {
		return nil
	}
	reachable, unreachable := reachable(ctx, b.Host, b.timeout/2, missing) // the login needs time, too
	if len(reachable) == 0 {
		return unreachable
	}
	t.portals = reachable
	if err := b.login(ctx, p, t, chap); err != nil {
		return errors.Join(err, b.leave(context.WithoutCancel(ctx), p, t))
	}
	if unreachable != nil {
		return &backend.Warning{Text: strings.ReplaceAll(unreachable.Error(), "\n", "; ")}
	}
	return nil
}

// login creates the interface, and a record and a session for each portal.
func (b *Backend) login(ctx context.Context, p *pooldef.Pool, t target, chap []string) error {
	iface := interfaceOf(p)
	if err := b.makeInterface(ctx, iface, p.Source.Initiator); err != nil {
		return err
	}
	for _, at := range t.portals {
		r := record{target: t.iqn, portal: at, group: b.group(ctx, t.iqn, at, iface), iface: iface}
		if err := b.makeRecord(ctx, r, chap); err != nil {
			return err
		}
		limited, cancel := context.WithTimeout(ctx, b.timeout+grace)
		err := b.Host.Change(limited, iscsiadm(append(r.args(), "--login")...))
		cancel()
		if err != nil {
			return b.translateError(ctx, p, at, err)
		}
	}
	return nil
}

// grace is added to iscsiadm's own timeout. If iscsiadm is killed before, iscsid continues the login.
const grace = 2 * time.Second

func (b *Backend) makeInterface(ctx context.Context, name, initiator string) error {
	err := b.Host.Change(ctx, iscsiadm("--mode", "iface", "--interface", name, "--op", "new"))
	if err == nil && initiator != "" {
		err = b.Host.Change(
			ctx,
			iscsiadm(
				"--mode", "iface", "--interface", name, "--op", "update", "--name", "iface.initiatorname", "--value",
				initiator,
			),
		)
	}
	return translateDaemonError(err)
}

func iscsiadm(args ...string) host.Command { return host.Cmd("iscsiadm", args...) }

// Stop implements backend.Starter. It logs out, except from sessions that poolctl did not create. It refuses
// while a unit is in use.
func (b *Backend) Stop(ctx context.Context, p *pooldef.Pool) error {
	t, err := targetOf(p)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	all, err := b.sessions(ctx, p, t)
	if err != nil {
		return err
	}
	own := slices.DeleteFunc(slices.Clone(all), func(s session) bool { return !s.belongsTo(p) })
	if len(own) == 0 && len(all) > 0 {
		return &backend.StateError{
			Text: fmt.Sprintf("the session with the target %s was not started by poolctl", t.iqn),
			Hint: fmt.Sprintf("iscsiadm --mode session --sid %s --logout, if it is not needed elsewhere", all[0].id),
		}
	}
	if err := b.Unused(ctx, p, hostsOf(own)); err != nil {
		return err
	}
	return b.leave(ctx, p, t)
}

// CleanUp implements backend.StartCleaner. It removes records, which may contain a secret.
func (b *Backend) CleanUp(ctx context.Context, p *pooldef.Pool) error {
	t, err := targetOf(p)
	if err != nil {
		return err
	}
	return b.leave(ctx, p, t)
}

// leave logs out from the pool's own sessions, and removes its records and its interface. If one of the two
// cannot be removed, it still removes the other.
func (b *Backend) leave(ctx context.Context, p *pooldef.Pool, t target) error {
	all, err := readSessions(b.Host.Sys())
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.belongsTo(p) {
			err = errors.Join(err, b.Host.Change(ctx, iscsiadm("--mode", "session", "--sid", s.id, "--logout")))
		}
	}
	if err != nil { // the next attempt needs the record and the interface
		return translateDaemonError(err)
	}
	iface := interfaceOf(p)
	if b.hasRecords(t, iface) {
		err = b.Host.Change(
			ctx, iscsiadm("--mode", "node", "--targetname", t.iqn, "--interface", iface, "--op", "delete"),
		)
	}
	if b.hasInterface(iface) {
		err = errors.Join(
			err, b.Host.Change(ctx, iscsiadm("--mode", "iface", "--interface", iface, "--op", "delete")),
		)
	}
	return translateDaemonError(err)
}

// Exit statuses of iscsiadm(8) that translateError and translateDaemonError handle.
const (
	cannotConnect = 4
	noDaemon      = 20
	timedOut      = 8
	noAnswer      = 11
	refused       = 19
	notAuthorised = 24
)

// translateError converts iscsiadm's errors about a login.
func (b *Backend) translateError(ctx context.Context, p *pooldef.Pool, at portal, err error) error {
	exit, ok := errors.AsType[*host.ExitError](err)
	silent := backend.IsTimeout(ctx, err)
	if !silent && !ok {
		return err
	}
	iqn, as := p.Source.Devices[0].Path, p.Source.Initiator
	switch {
	case silent, exit.Status == timedOut, exit.Status == noAnswer, exit.Status == cannotConnect:
		return &backend.TimeoutError{Text: fmt.Sprintf("the server %s does not answer the login", at)}
	case exit.Status == notAuthorised && p.Source.Auth == nil:
		return &backend.StateError{
			Text: fmt.Sprintf("the target %s at %s refuses the login: it requires CHAP", iqn, at),
		}
	case exit.Status == notAuthorised:
		return &backend.StateError{
			Text: fmt.Sprintf("the target %s at %s refuses the login as %q (CHAP)", iqn, at, p.Source.Auth.Username),
		}
	case exit.Status == refused && p.Source.Auth != nil && p.Source.Auth.Mutual != nil:
		return &backend.StateError{
			Text: fmt.Sprintf(
				"the login to %s at %s failed: no such target, or wrong target secret (mutual CHAP)", iqn,
				at,
			),
		}
	case exit.Status == refused:
		text := fmt.Sprintf("the server %s has no target %s", at, iqn)
		if as != "" {
			text += ", or not for " + as
		}
		return &backend.StateError{
			Text: text, Hint: "poolctl find-storage-pool-sources-as iscsi " + shell.Quote(at.host),
		}
	}
	return translateDaemonError(err)
}

// translateDaemonError converts errors that occur if iscsid does not run.
func translateDaemonError(err error) error {
	exit, ok := errors.AsType[*host.ExitError](err)
	if ok &&
		(exit.Status == noDaemon || strings.Contains(exit.Stderr, "can not connect to iSCSI daemon")) {
		return &backend.StateError{Text: "iscsid is not running", Hint: "systemctl start iscsid"}
	}
	return err
}
