package iscsi

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/bits"
	"slices"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/initiator"
	"poolctl/pooldef"
)

// Direct manages pools of type iscsi-direct. Their volumes are units of a target that this machine's kernel
// does not log in to. poolctl itself logs in to list them, and guests can do the same with the volumes'
// paths.
type Direct struct {
	host    host.Host
	secrets backend.Secrets
	timeout time.Duration
}

// NewDirect returns the backend. A server must answer within timeout.
func NewDirect(h host.Host, s backend.Secrets, timeout time.Duration) *Direct {
	return &Direct{h, s, timeout}
}

// Dependencies implements backend.Dependent.
func (*Direct) Dependencies(*pooldef.Pool) backend.Dependencies {
	return backend.Dependencies{Network: true}
}

// Active implements backend.Backend. A pool is active if a server accepts connections. Active does not log
// in.
func (d *Direct) Active(ctx context.Context, p *pooldef.Pool) (bool, error) {
	t, err := directTarget(p)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return false, err
	}
	found, err := reachable(ctx, d.host, d.timeout, t.portals)
	if len(found) > 0 {
		return true, nil
	}
	return false, err
}

func directTarget(p *pooldef.Pool) (target, error) {
	if p.Source.Initiator == "" {
		return target{}, pooldef.Problems{{Element: "source/initiator/iqn", Text: "missing"}}
	}
	return targetOf(p)
}

// Space implements backend.Backend. It returns the total size of the units.
func (d *Direct) Space(ctx context.Context, p *pooldef.Pool) (pooldef.Space, error) {
	return total(d.Volumes(ctx, p))
}

// total returns the total size of volumes, or an error on overflow, which a target can provoke.
func total(all iter.Seq2[*pooldef.Volume, error]) (pooldef.Space, error) {
	var sum, carry uint64
	for v, err := range all {
		if err != nil {
			return pooldef.Space{}, err
		}
		if sum, carry = bits.Add64(sum, v.Capacity.Bytes, 0); carry != 0 {
			return pooldef.Space{}, errors.New("the total size of the target's LUNs overflows")
		}
	}
	return pooldef.Space{Capacity: sum, Allocation: sum}, nil
}

// Volumes implements backend.Backend, with one login. Only disks and CD-ROMs are volumes.
func (d *Direct) Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return backend.List(
		func() ([]*pooldef.Volume, error) { return d.volumes(ctx, p) },
		func(v *pooldef.Volume) *pooldef.Volume { return v },
	)
}

// Details implements backend.DetailLister. Volumes already returns all details.
func (d *Direct) Details(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return d.Volumes(ctx, p)
}

// Volume implements backend.Backend.
func (d *Direct) Volume(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	all, err := d.volumes(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, v := range all {
		if v.Name == name {
			return v, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
}

func (d *Direct) volumes(ctx context.Context, p *pooldef.Pool) ([]*pooldef.Volume, error) {
	t, err := directTarget(p)
	if err != nil {
		return nil, err
	}
	login := initiator.Login{Initiator: p.Source.Initiator, Target: t.iqn}
	if login.User, login.Mutual, err = usersOf(p.Source.Auth, d.secrets); err != nil {
		return nil, err
	}
	at, units, err := query(ctx, d, t.portals, login, (*initiator.Session).Units)
	var all []*pooldef.Volume
	for _, u := range units {
		if u.Type != initiator.Disk && u.Type != initiator.ROM {
			continue
		}
		size, path := pooldef.Bytes(u.Size), fmt.Sprintf("ip-%s-iscsi-%s-lun-%d", at, t.iqn, u.Number)
		all = append(
			all,
			&pooldef.Volume{
				Type:       "network",
				Name:       fmt.Sprintf("unit:0:0:%d", u.Number),
				Key:        path,
				Capacity:   size,
				Allocation: size,
				Target:     pooldef.VolumeTarget{Path: path},
			},
		)
	}
	slices.SortFunc(all, func(v, w *pooldef.Volume) int { return pooldef.CompareNames(v.Name, w.Name) })
	return all, err
}

// query logs in at the first reachable portal, and runs a query there.
func query[T any](
	ctx context.Context, d *Direct, portals []portal, l initiator.Login,
	question func(*initiator.Session) (T, error),
) (at portal, answer T, err error) {
	for _, at = range portals {
		limited, cancel := context.WithTimeout(ctx, d.timeout)
		defer cancel()
		conn, cannot := dial(limited, d.host, d.timeout/2, at)
		if cannot != nil {
			err = errors.Join(err, cannot)
			continue
		}
		s, cannot := initiator.Open(limited, conn, l)
		if cannot == nil {
			defer s.Close()
			answer, cannot = question(s)
		}
		return at, answer, d.translateError(ctx, limited, at, l, cannot)
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return at, answer, err
}

func (d *Direct) translateError(ctx, limited context.Context, at portal, l initiator.Login, err error) error {
	refused, isRefused := errors.AsType[*initiator.RefusedError](err)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case limited.Err() != nil, isTimeout(err):
		return &backend.TimeoutError{Text: fmt.Sprintf("the server %s does not answer", at)}
	case isRefused:
		what := "the login"
		if l.Target != "" {
			what += " to " + l.Target
		}
		return &backend.StateError{Text: fmt.Sprintf("the server %s refuses %s: %v", at, what, refused)}
	}
	return fmt.Errorf("the server %s: %w", at, err)
}

// Discover implements backend.Discoverer. It returns the targets that a server offers to the initiator with
// the given name.
func (d *Direct) Discover(ctx context.Context, spec *pooldef.Source) ([]pooldef.Source, error) {
	portals, err := portalsOf(spec)
	if err == nil && !isName().MatchString(spec.Initiator) {
		err = pooldef.Problems{{
			Element: "initiator/iqn",
			Text:    fmt.Sprintf("%q is not an initiator name, which is required", spec.Initiator),
		}}
	}
	if err != nil {
		return nil, err
	}
	_, names, err := query(
		ctx, d, portals[:1], initiator.Login{Initiator: spec.Initiator}, (*initiator.Session).Targets,
	)
	return sources(names, spec), err
}

// sources returns the targets that a definition can name.
func sources(names []string, spec *pooldef.Source) []pooldef.Source {
	var found []pooldef.Source
	for _, name := range names {
		if isName().MatchString(name) {
			target := []pooldef.Device{{Path: name}}
			source := pooldef.Source{Hosts: withPorts(spec.Hosts), Devices: target, Initiator: spec.Initiator}
			found = append(found, source)
		}
	}
	return found
}
