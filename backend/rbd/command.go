package rbd

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	iofs "io/fs"
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

// conf is this machine's Ceph configuration.
const conf = "/etc/ceph/ceph.conf"

// writesNothing keeps Ceph's programs from creating a log file and an administration socket, whatever the
// definition or this machine's configuration requests. Without these options, queries would create them too.
var writesNothing = []string{"--log-to-file=false", "--admin-socket="}

// command returns a command of one of Ceph's programs, with the options that select and log in to a pool's
// cluster.
func (b *Backend) command(
	ctx context.Context, p *pooldef.Pool, tool string, args ...string,
) (host.Command, error) {
	options, err := configArgs(p)
	if err != nil {
		return host.Command{}, err
	}
	login, key, err := b.login(p)
	if err != nil {
		return host.Command{}, err
	}
	monitors, err := b.monitors(ctx, p)
	if err != nil {
		return host.Command{}, err
	}
	limit := b.limit()
	c := host.Cmd(
		tool,
		slices.Concat(
			login, []string{"-m", monitors, "--client-mount-timeout=" + limit, "--rados-mon-op-timeout=" + limit,
				"--rados-osd-op-timeout=" + limit}, options, writesNothing, args,
		)...,
	)
	c.Inputs = key
	return c, nil
}

// limit returns the time, in seconds, that a monitor or an OSD may take to answer. rbd takes no fractions.
func (b *Backend) limit() string { return strconv.Itoa(max(int(b.timeout.Seconds()), 1)) }

// login returns the options for the definition's login, or else for this machine's own configuration, if
// there is one. The key is passed in an unnamed file.
func (b *Backend) login(p *pooldef.Pool) (args []string, key []host.Input, err error) {
	auth := p.Source.Auth
	if auth == nil {
		if _, err := b.host.Stat(conf); errors.Is(err, iofs.ErrNotExist) {
			return []string{"-c", "/dev/null"}, nil, nil
		}
		return []string{"-c", conf}, nil, nil
	}
	if err := checkLogin(auth); err != nil {
		return nil, nil, err
	}
	value, err := b.secrets.SecretValue(auth.Secret, "ceph")
	if err != nil {
		return nil, nil, err
	}
	if err := checkKey(value); err != nil {
		return nil, nil, err
	}
	in := host.Input{
		File: b.secrets.SecretFile(auth.Secret, "ceph"),
		Data: base64.StdEncoding.AppendEncode(nil, value),
	}
	if !strings.HasSuffix(in.File, ".base64") {
		in.Heredoc = fmt.Sprintf("$(base64 -w 0 %s)", shell.Quote(in.File))
	}
	return []string{"-c", "/dev/null", "--id=" + auth.Username, "--keyfile=/dev/fd/3"}, []host.Input{in}, nil
}

// checkLogin returns an error if a definition's login is not one for Ceph. auth may be nil.
func checkLogin(auth *pooldef.Auth) error {
	if auth == nil || auth.Type == "ceph" {
		return nil
	}
	return pooldef.Problems{{
		Element: "source/auth/@type",
		Text:    fmt.Sprintf("%q: a login to Ceph has type ceph", auth.Type),
	}}
}

// checkKey returns an error if a value is not a Ceph key, which has a type, a time and 16 bytes.
func checkKey(value []byte) error {
	const size = 2 + 8 + 2 + 16
	if len(value) == size && value[0] == 1 {
		return nil
	}
	e := &backend.StateError{Text: "the value of the secret is not a Ceph key"}
	if decoded, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(value))); err == nil &&
		len(decoded) == size {
		e.Text += ", but the base64 text of one"
		e.Hint = "secret-set-value without --plain"
	}
	return e
}

// isOption reports whether a name is a Ceph configuration option. Nearly all of them contain an underscore;
// arguments of Ceph's programs do not. The option "key" does not match, because every user of the machine
// could see it on the command line.
var isOption = lazy.Regexp(`^[a-z0-9]+(_[a-z0-9]+)+$`)

// configArgs returns the definition's Ceph options as arguments. They come after the other options, so they
// override the configuration.
func configArgs(p *pooldef.Pool) ([]string, error) {
	var args []string
	for _, o := range p.Config {
		name := strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(o.Name))
		if !isOption().MatchString(name) {
			return nil, pooldef.Problems{{
				Element: "config",
				Text:    fmt.Sprintf("%q is not a Ceph option that can be set here", o.Name),
			}}
		}
		args = append(args, "--"+name+"="+o.Value)
	}
	return args, nil
}

// query runs a query and decodes its JSON output into answer.
func (b *Backend) query(ctx context.Context, p *pooldef.Pool, answer any, tool string, args ...string) error {
	c, err := b.command(ctx, p, tool, args...)
	if err != nil {
		return err
	}
	return b.translateError(ctx, p, b.decode(ctx, c, answer))
}

// A checker is an answer that can detect impossible values.
type checker interface{ check() error }

func (b *Backend) decode(ctx context.Context, c host.Command, answer any) error {
	c.Cacheable = true
	out, err := b.host.Query(ctx, c)
	// an image disappeared during the listing; the output has the others
	if hasErrno(err, syscall.ENOENT) && json.Valid(out) {
		err = nil
	}
	if err == nil {
		if err = json.Unmarshal(out, answer); err != nil {
			err = fmt.Errorf("output of %s: %w", c.Name, err)
		}
	}
	if checked, is := answer.(checker); is && err == nil {
		err = checked.check()
	}
	return err
}

// imageArgs returns the arguments of an rbd(8) command for one image.
func imageArgs(verb string, at place, name string, args ...string) []string {
	return slices.Concat(strings.Fields(verb), at.args(""), []string{"--image=" + name}, args)
}

// queryImage queries one image. If the image does not exist, the error wraps backend.ErrNoVolume.
func (b *Backend) queryImage(
	ctx context.Context, p *pooldef.Pool, answer any, verb string, at place, name string, args ...string,
) error {
	return mapErrNotFound(
		b.query(ctx, p, answer, "rbd", imageArgs(verb, at, name, append(args, "--format=json")...)...), name,
	)
}

// interruptible lists the verbs that can take long and may be interrupted. Interrupting another verb would
// leave half an image, and a watch that keeps the image in use for half a minute.
var interruptible = []string{"create", "cp"}

// change runs an rbd command that changes one image.
func (b *Backend) change(
	ctx context.Context, p *pooldef.Pool, verb string, at place, name string, args ...string,
) error {
	c, err := b.command(ctx, p, "rbd", imageArgs(verb, at, name, args...)...)
	if err != nil || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	if !slices.Contains(interruptible, verb) {
		ctx = context.WithoutCancel(ctx)
	}
	return b.translateError(ctx, p, b.host.Change(ctx, c))
}
