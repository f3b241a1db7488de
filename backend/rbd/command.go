package rbd

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	iofs "io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// conf is the machine's own configuration of Ceph.
const conf = "/etc/ceph/ceph.conf"

// writesNothing keeps Ceph's programs from making a log file and a socket for their administration, whatever the definition or this
// machine's configuration says: also one that only looks would make them.
var writesNothing = []string{"--log-to-file=false", "--admin-socket="}

// command returns one of Ceph's programs with what it has to know of a pool's cluster.
func (b *Backend) command(ctx context.Context, p *pooldef.Pool, tool string, args ...string) (host.Command, error) {
	options, err := config(p)
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
	c := host.Cmd(tool, slices.Concat(login, []string{"-m", monitors, "--client-mount-timeout=" + limit, "--rados-mon-op-timeout=" + limit,
		"--rados-osd-op-timeout=" + limit}, options, writesNothing, args)...)
	c.Inputs = key
	return c, nil
}

// limit is how many seconds a monitor or an OSD may take to answer.
func (b *Backend) limit() string { return strconv.FormatFloat(b.timeout.Seconds(), 'g', -1, 64) }

// login returns as whom the cluster is used: as the definition says, otherwise as this machine's own configuration does, if it has one.
// The key is handed over by a file that has no name.
func (b *Backend) login(p *pooldef.Pool) (args []string, key []host.Input, err error) {
	auth := p.Source.Auth
	if auth == nil {
		if _, err := b.host.Stat(conf); errors.Is(err, iofs.ErrNotExist) {
			return []string{"-c", "/dev/null"}, nil, nil
		}
		return []string{"-c", conf}, nil, nil
	}
	if auth.Type != "ceph" {
		return nil, nil, pooldef.Problems{{Element: "source/auth/@type", Text: fmt.Sprintf("%q: a login to Ceph is of type ceph", auth.Type)}}
	}
	value, err := b.secrets.SecretValue(auth.Secret, "ceph")
	if err != nil {
		return nil, nil, err
	}
	if err := isKey(value); err != nil {
		return nil, nil, err
	}
	in := host.Input{File: b.secrets.SecretFile(auth.Secret, "ceph"), Data: base64.StdEncoding.AppendEncode(nil, value)}
	if !strings.HasSuffix(in.File, ".base64") {
		in.Heredoc = fmt.Sprintf("$(base64 -w 0 %s)", host.Quote(in.File))
	}
	return []string{"-c", "/dev/null", "--id=" + auth.Username, "--keyfile=/dev/fd/3"}, []host.Input{in}, nil
}

// isKey refuses what is no key of Ceph's, which has a type, a time and 16 bytes.
func isKey(value []byte) error {
	const size = 2 + 8 + 2 + 16
	if len(value) == size && value[0] == 1 {
		return nil
	}
	e := &backend.StateError{Text: "the value of the secret is no key of Ceph's"}
	if decoded, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(value))); err == nil && len(decoded) == size {
		e.Text += ", but the text of one"
		e.Hint = "secret-set-value without --plain"
	}
	return e
}

// isOption tells Ceph's options, nearly all of which have an underscore, from the arguments of its programs, which have none. A key
// would be seen by everybody on the machine.
var isOption = regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)+$`).MatchString

// config returns the definition's options of Ceph's. They come last, and so count.
func config(p *pooldef.Pool) ([]string, error) {
	var args []string
	for _, o := range p.Config {
		name := strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(o.Name))
		if !isOption(name) {
			return nil, pooldef.Problems{{Element: "config", Text: fmt.Sprintf("%q is not an option of Ceph's that can be set here", o.Name)}}
		}
		args = append(args, "--"+name+"="+o.Value)
	}
	return args, nil
}

// ask asks one of Ceph's programs.
func (b *Backend) ask(ctx context.Context, p *pooldef.Pool, answer any, tool string, args ...string) error {
	c, err := b.command(ctx, p, tool, args...)
	if err != nil {
		return err
	}
	return b.explain(ctx, p, b.decode(ctx, c, answer))
}

// A checker is an answer that can tell what of it cannot be.
type checker interface{ check() error }

func (b *Backend) decode(ctx context.Context, c host.Command, answer any) error {
	c.Cacheable = true
	out, err := b.host.Query(ctx, c)
	if is(err, syscall.ENOENT) && json.Valid(out) { // an image was removed while all were listed: the others are there
		err = nil
	}
	if err == nil {
		if err = json.Unmarshal(out, answer); err != nil {
			err = fmt.Errorf("what %s says: %w", c.Name, err)
		}
	}
	if checked, is := answer.(checker); is && err == nil {
		err = checked.check()
	}
	return err
}

// imageArgs are the arguments of a command of rbd(8) for one image.
func imageArgs(verb string, at place, name string, args ...string) []string {
	return slices.Concat(strings.Fields(verb), at.args(""), []string{"--image=" + name}, args)
}

// askOf asks about one image. That it is not there is an error that wraps backend.ErrNoVolume.
func (b *Backend) askOf(ctx context.Context, p *pooldef.Pool, answer any, verb string, at place, name string, args ...string) error {
	return mapErrNotFound(b.ask(ctx, p, answer, "rbd", imageArgs(verb, at, name, append(args, "--format=json")...)...), name)
}

// lengthy are the verbs that can take long, and be interrupted. The others are let end, or they would leave half an image, and a watch of
// it, with which it counts as in use for half a minute.
var lengthy = []string{"create", "cp"}

// change changes one image.
func (b *Backend) change(ctx context.Context, p *pooldef.Pool, verb string, at place, name string, args ...string) error {
	c, err := b.command(ctx, p, "rbd", imageArgs(verb, at, name, args...)...)
	if err != nil || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	if !slices.Contains(lengthy, verb) {
		ctx = context.WithoutCancel(ctx)
	}
	return b.explain(ctx, p, b.host.Change(ctx, c))
}
