package rbd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/format/lazy"
	"poolctl/pooldef"
)

// logLine matches a log line in the error output of Ceph's programs.
var logLine = lazy.Regexp(`^\d{4}-\d\d-\d\dT\S+ [0-9a-f]+ +-?\d+ `)

// errnoIn matches an error number in an error message, such as "(13) Permission denied".
var errnoIn = lazy.Regexp(`\((\d+)\) `)

// errno returns the error number of a failed program, or 0 if it is unknown. rbd exits with the error number;
// rados always exits with 1.
func errno(exit *host.ExitError) syscall.Errno {
	all := errnoIn().FindAllStringSubmatch(plain(exit.Stderr), -1)
	switch {
	case len(all) == 0 && exit.Status > 1:
		return syscall.Errno(exit.Status)
	case len(all) == 0:
		return 0
	}
	n, _ := strconv.Atoi(all[len(all)-1][1])
	return syscall.Errno(n)
}

// plain returns error output without log lines, or all of it if there are only log lines.
func plain(stderr string) string {
	lines := slices.DeleteFunc(
		strings.Split(stderr, "\n"), func(line string) bool { return line == "" || logLine().MatchString(line) },
	)
	if len(lines) == 0 {
		return stderr
	}
	return strings.Join(lines, "\n")
}

// translateError converts errors of Ceph's programs into shorter errors about the cluster or the pool's
// access to it.
func (b *Backend) translateError(ctx context.Context, p *pooldef.Pool, err error) error {
	exit, ok := errors.AsType[*host.ExitError](err)
	if !ok {
		return err
	}
	if part, ok := errors.AsType[*host.IncompleteError](err); ok {
		return &host.IncompleteError{Done: part.Done, Err: b.translateError(ctx, p, part.Err)}
	}
	at, _ := placeOf(p)
	says := func(text string) bool { return strings.Contains(exit.Stderr, text) }
	connects := !says("couldn't connect to")
	switch no := errno(exit); {
	case says("error opening pool"), says("error opening default pool"):
		return noPoolError(at)
	case says("namespace '") && says("does not exist"):
		return &backend.StateError{
			Text: fmt.Sprintf("the Ceph pool %q has no namespace %q", at.pool, at.namespace),
			Hint: "rbd namespace create " + shell.Quote(at.pool+"/"+at.namespace),
		}
	case !connects && (no == syscall.EACCES || says("handle_auth_bad_method")):
		return &backend.StateError{
			Text: fmt.Sprintf(
				"the Ceph cluster refuses the login as client.%s: unknown user or wrong key", user(p),
			),
		}
	case !connects && (no == syscall.EOPNOTSUPP || says("unable to find a keyring")):
		return &backend.StateError{
			Text: "no key for the Ceph cluster: neither the definition nor " + conf + " has a login",
		}
	case no == syscall.EPERM, no == syscall.EACCES:
		return &backend.StateError{
			Text: fmt.Sprintf("client.%s is not allowed to do this in the Ceph pool %q", user(p), at.pool),
			Hint: fmt.Sprintf("ceph auth get client.%s shows its capabilities", user(p)),
		}
	case !connects && no == syscall.ETIMEDOUT:
		return &backend.TimeoutError{
			Text: "the monitors of the Ceph cluster do not accept the login: they have no quorum, or the login hangs",
		}
	case no == syscall.ETIMEDOUT:
		return b.healthError(ctx, p)
	case no == syscall.EXDEV:
		return &backend.StateError{
			Text: "this cluster does not support clones in another namespace (ceph osd " +
				"set-require-min-compat-client mimic)",
			Hint: "--full creates a full copy",
		}
	case no == syscall.ENOSPC, no == syscall.EDQUOT:
		return &fullError{backend.StateError{Text: fmt.Sprintf("the Ceph pool %q is full", at.pool)}}
	}
	said := *exit
	said.Stderr = plain(exit.Stderr)
	return &said
}

// user returns the name of the Ceph user that a pool's login selects.
func user(p *pooldef.Pool) string {
	if p.Source.Auth == nil {
		return "admin"
	}
	return p.Source.Auth.Username
}

// healthError returns an error with the reason why the OSDs do not answer. A full OSD is one: writes to it
// wait.
func (b *Backend) healthError(ctx context.Context, p *pooldef.Pool) error {
	var health struct {
		Checks map[string]struct {
			Summary struct{ Message string }
			Muted   bool
		}
	}
	why, isFull := "", false
	c, err := b.command(ctx, p, "ceph", "health", "--format=json")
	if err == nil {
		err = b.decode(ctx, c, &health)
	}
	var all []string
	for name, check := range health.Checks {
		if !check.Muted {
			all = append(all, check.Summary.Message)
		}
		isFull = isFull || name == "OSD_FULL" || name == "POOL_FULL"
	}
	if slices.Sort(all); err == nil && len(all) > 0 {
		why = ": " + strings.Join(all, "; ")
	}
	if isFull {
		return &fullError{backend.StateError{Text: "the Ceph cluster is full" + why}}
	}
	return &backend.TimeoutError{Text: "the OSDs of the Ceph cluster do not answer" + why}
}

// A fullError means that nothing can be written. Images can still be removed.
type fullError struct{ backend.StateError }

// Unwrap lets errors.As find the StateError.
func (e *fullError) Unwrap() error { return &e.StateError }

// hasErrno reports whether a program failed with an error number.
func hasErrno(err error, no syscall.Errno) bool {
	exit, ok := errors.AsType[*host.ExitError](err)
	return ok && errno(exit) == no
}

// mapErrNotFound converts rbd's error about a missing image into an error that wraps backend.ErrNoVolume.
func mapErrNotFound(err error, name string) error {
	if hasErrno(err, syscall.ENOENT) {
		return noVolumeError(name)
	}
	return err
}

func noVolumeError(name string) error { return fmt.Errorf("%w: %q", backend.ErrNoVolume, name) }

// mapErrExist converts rbd's error about an existing name into an error that wraps fs.ErrExist.
func mapErrExist(err error, p *pooldef.Pool, name string) error {
	if hasErrno(err, syscall.EEXIST) {
		return existError(p, name)
	}
	return err
}

func existError(p *pooldef.Pool, name string) error {
	return &backend.ExistsError{Path: path(p, name)}
}
