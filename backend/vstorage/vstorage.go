// Package vstorage manages pools of type vstorage: a Virtuozzo Storage cluster. Starting a pool mounts the
// cluster, in which this machine must be authorised. Volumes are files (package filevol).
package vstorage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"poolctl/backend"
	"poolctl/backend/filevol"
	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// Backend manages pools of type vstorage.
type Backend struct{ filevol.Remote }

// New returns the backend. timeout is the time that the cluster may take to answer.
func New(h host.Host, s backend.Secrets, timeout time.Duration) *Backend {
	b := &Backend{filevol.NewRemote(h, s, timeout)}
	b.IsSource = isSource
	return b
}

// Dependencies implements backend.Dependent. systemd takes vstorage-mount's file system for a local one.
func (b *Backend) Dependencies(p *pooldef.Pool) backend.Dependencies {
	d := b.Remote.Dependencies(p)
	d.IsHidden = true
	return d
}

// isSource compares the name that vstorage-mount gives its mounts, as libvirt does.
func isSource(_ context.Context, p *pooldef.Pool, m *host.Mount) (bool, error) {
	return m.Source == "vstorage://"+p.Source.Name, nil
}

// Start implements backend.Starter.
func (b *Backend) Start(ctx context.Context, p *pooldef.Pool) error {
	mount, err := mountCommand(p)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	return translateError(ctx, p, b.MountBy(limited, p, mount))
}

// mountCommand returns the command that mounts as libvirt does. The mount belongs to the current user unless
// the definition names an owner.
func mountCommand(p *pooldef.Pool) (host.Command, error) {
	if err := checkCluster(p); err != nil {
		return host.Command{}, err
	}
	want := p.Target.Permissions
	mode := uint32(0o711)
	if want.Mode != nil {
		mode = *want.Mode
	}
	owner, err := userName(want.Owner)
	if err != nil {
		return host.Command{}, err
	}
	group, err := groupName(want.Group)
	return host.Cmd("vstorage-mount", "-c", p.Source.Name, filepath.Clean(p.Target.Path),
		"-m", fmt.Sprintf("%o", mode), "-g", group, "-u", owner), err
}

// CheckDefinition implements backend.DefinitionChecker. Users and groups may be added to the machine later.
func (b *Backend) CheckDefinition(p *pooldef.Pool) error { return checkCluster(p) }

// checkCluster returns an error if no cluster can have the name in a definition.
func checkCluster(p *pooldef.Pool) error {
	if p.Source.Name == "" || strings.ContainsAny(p.Source.Name, "/\x00") {
		return pooldef.Problems{{Element: "source/name",
			Text: fmt.Sprintf("%q cannot be the name of a cluster", p.Source.Name)}}
	}
	return nil
}

// userName and groupName return the name for an ID in a definition, or of the current user: vstorage-mount
// does not accept numbers.
func userName(wanted *uint32) (string, error) {
	id := numberOr(wanted, os.Geteuid())
	u, err := user.LookupId(id)
	if err != nil {
		return "", pooldef.Problems{{Element: "target/permissions/owner",
			Text: "no user on this machine has the id " + id + ", and vstorage-mount needs a name"}}
	}
	return u.Username, nil
}

func groupName(wanted *uint32) (string, error) {
	id := numberOr(wanted, os.Getegid())
	g, err := user.LookupGroupId(id)
	if err != nil {
		return "", pooldef.Problems{{Element: "target/permissions/group",
			Text: "no group on this machine has the id " + id + ", and vstorage-mount needs a name"}}
	}
	return g.Name, nil
}

func numberOr(wanted *uint32, ours int) string {
	if wanted == nil {
		return strconv.Itoa(ours)
	}
	return strconv.FormatUint(uint64(*wanted), 10)
}

// translateError converts an error of vstorage-mount into one with a hint.
func translateError(ctx context.Context, p *pooldef.Pool, err error) error {
	exit, failed := errors.AsType[*host.ExitError](err)
	switch {
	case backend.IsTimeout(ctx, err):
		return &backend.TimeoutError{Text: fmt.Sprintf("the cluster %q does not answer", p.Source.Name)}
	case failed:
		return &backend.StateError{Text: exit.Error(),
			Hint: "vstorage -c " + shell.Quote(p.Source.Name) +
				" auth-node, if this machine is not authorised in the cluster"}
	}
	return err
}
