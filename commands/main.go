// Package commands is what poolctl says and understands: the grammar, the verbs, their sentences, errors and statuses.
package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kong"

	"poolctl/backend"
	"poolctl/backend/all"
	"poolctl/backend/host"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// An env is what a verb works with.
type env struct {
	ctx      context.Context
	cli      *cli
	kong     *kong.Kong
	host     *host.CachedHost
	store    *store.Store
	backends map[pooldef.Type]backend.Backend
	stdin    io.Reader
	streams
	verb  string
	spoke bool // something was printed for people: virsh ends that with an empty line
}

// Main runs one command line on a machine and returns the exit status.
func Main(ctx context.Context, h host.Host, args []string) int {
	e := &env{ctx: ctx, cli: &cli{}, stdin: os.Stdin, streams: newStreams(ctx)}
	err := e.run(h, args)
	if e.spoke && err == nil && !e.cli.Quiet {
		fmt.Fprintln(e.people)
	}
	if flushErr := e.flush(); err == nil {
		err = flushErr
	}
	return e.report(err)
}

func (e *env) run(h host.Host, args []string) error {
	parser, err := newParser(e.cli, args)
	if err != nil {
		return err
	}
	e.kong = parser
	if len(args) == 0 {
		return errNoVerb
	}
	if args, err = normalise(parser.Model, args); err != nil {
		return err
	}
	command, err := parser.Parse(args)
	if err != nil {
		return parseError(err)
	}
	e.verb = command.Selected().Name
	if err := e.setUp(h); err != nil {
		return err
	}
	return command.Run(e)
}

// newParser makes a parser of the verbs that a command line names: all of them take kong three times as long as the rest of a
// short run. Help needs all.
func newParser(c *cli, args []string) (*kong.Kong, error) {
	named := func(name string) bool { return slices.Contains(args, name) }
	all := named("help") || named("__complete") || named("__man") || !slices.ContainsFunc(verbNames(), named)
	options := []kong.Option{
		kong.Name("poolctl"), kong.ExplicitGroups(groups), kong.Vars{"version": version()}, kong.Help(printHelp),
		kong.KindMapper(reflect.String, kong.MapperFunc(plainString)),
	}
	for _, v := range verbs {
		if !all && !named(v.name) {
			continue
		}
		var tags []string
		if v.group == "" {
			tags = append(tags, `hidden:""`)
		}
		options = append(options, kong.DynamicCommand(v.name, v.help, v.group, v.new(), tags...))
	}
	return kong.New(c, options...)
}

func verbNames() []string {
	names := make([]string, len(verbs))
	for i, v := range verbs {
		names[i] = v.name
	}
	return names
}

// plainString takes a value as it is; kong's own way would change bytes that are not UTF-8, and a file's name may have them.
func plainString(ctx *kong.DecodeContext, target reflect.Value) error {
	token, err := ctx.Scan.PopValue("string")
	if err == nil {
		target.SetString(fmt.Sprint(token.Value))
	}
	return err
}

var errNoVerb = &usageError{text: "a verb is missing"}

// setUp gets the machine, the store and the backends ready as the global options say.
func (e *env) setUp(h host.Host) error {
	g := &e.cli.Globals
	if g.Timeout == 0 {
		return &usageError{text: "--timeout: a server needs some time to answer"}
	}
	if local, ok := h.(*host.Local); ok {
		local.IdleLimit = time.Duration(g.Timeout)
		if g.Debug {
			local.Unconfined = e.unconfined()
		}
	}
	if g.Debug {
		h = host.Trace{Host: h, W: e.stderr}
	}
	if g.DryRun {
		h = host.NewDryRun(h, e.people)
	}
	if g.Readonly {
		h = host.ReadOnly{Host: h}
	}
	e.host = &host.CachedHost{Host: h}
	e.store = &store.Store{Files: hostFiles{e.ctx, e.host}, Credentials: os.Getenv("CREDENTIALS_DIRECTORY"),
		ReadOnly: g.Readonly}
	e.backends = e.backendsOn(e.host)
	return e.setDirectories()
}

// unconfined returns what says once that programs run unconfined.
func (e *env) unconfined() func(host.Command) {
	var once sync.Once
	return func(c host.Command) {
		once.Do(func() { e.warn("%s may open any file: this kernel has no Landlock", c.Name) })
	}
}

// setDirectories tells the store where definitions and run records are. A command line for another machine is refused.
func (e *env) setDirectories() (err error) {
	g := &e.cli.Globals
	if e.store.ConfigDir, err = configDir(g.ConfigDir); err != nil {
		return err
	}
	if e.store.LibvirtDir, err = libvirtDir(g.LibvirtDir); err != nil {
		return err
	}
	if err = e.checkConnection(); err != nil {
		return err
	}
	e.store.RunDir, err = runDir(g.RunDir, g.Readonly)
	return err
}

// backendsOn returns the backends, working on h.
func (e *env) backendsOn(h host.Host) map[pooldef.Type]backend.Backend {
	return all.Backends(h, e.store, e.limit())
}

// parseError turns kong's complaint into ours.
func parseError(err error) error {
	if err == nil {
		return nil
	}
	usage := &usageError{text: strings.Replace(err.Error(), "unexpected argument", "there is no verb", 1)}
	if strings.HasPrefix(usage.text, "expected one of") {
		usage.text = errNoVerb.Error()
	}
	if parse := (*kong.ParseError)(nil); errors.As(err, &parse) && parse.Context != nil && parse.Context.Command() != "" {
		usage.verb = parse.Context.Selected().Name
	}
	return usage
}

// version is the module's version, or the commit that the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = "development"
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v = s.Value[:12]
			}
		}
	}
	return v + " (" + info.GoVersion + ")"
}
