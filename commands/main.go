// Package commands is poolctl's command line: the grammar and the verbs, one file each.
//
// cli.go has the table of verbs and the global options. The struct of a verb has its arguments and options as
// fields, and a method Run(*env) error. argv.go rewrites virsh's mixture of positional and named values
// before kong parses it. errors.go maps the kinds of errors (package fault) to exit statuses.
//
// Verbs change pools and volumes through package backend/driver. They print and ask through package terminal.
// Help, the manual page and completion are made from the grammar by package manual.
package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"poolctl/backend/host"
	"poolctl/commands/manual"
	"poolctl/commands/terminal"
)

// Main runs one command line on a machine and returns the exit status. args begins with the program's name.
func Main(ctx context.Context, h host.Host, args []string) int {
	name, args := filepath.Base(args[0]), args[1:]
	switch name {
	case "virsh":
		return mainAsVirsh(ctx, h, args)
	case generatorName:
		return mainAsGenerator(h, args)
	}
	host.NoCoreDumps()
	if b, ok := findBatch(args); ok {
		return b.run(ctx, h)
	}
	e := newEnv(ctx)
	e.errorsInJSON, e.isPlugin = asksForJSON(args), isPluginLine(args)
	if isOnlyVersion(args) {
		return e.printVersion()
	}
	err := e.parse(args)
	return e.execute(h, err)
}

func newEnv(ctx context.Context) *env { return &env{ctx: ctx, cli: &cli{}, Output: terminal.New(ctx)} }

// parse parses a command line. Few have global options, and building those takes kong as long as building a
// verb (docs/benchmarks.md), so parse first tries a grammar without most of them.
func (e *env) parse(args []string) error {
	// The option --timeout of check sets the global one.
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") && !needsAllVerbs(args) && !e.isPlugin &&
		!hasVariable[Others]() {
		if err := e.parseWith(&e.cli.Directories, args); err == nil {
			return nil
		}
		e.cli = &cli{}
	}
	return e.parseWith(e.cli, args)
}

// hasVariable reports whether the environment has one of the options of a struct.
func hasVariable[Options any]() bool {
	for field := range reflect.TypeFor[Options]().Fields() {
		if _, ok := os.LookupEnv(field.Tag.Get("env")); ok {
			return true
		}
	}
	return false
}

// errIncomplete reports that help was asked for with a grammar that has not all options.
var errIncomplete = errors.New("the grammar is incomplete")

// parseWith parses a command line. The grammar is e.cli, or a part of it.
func (e *env) parseWith(grammar any, args []string) error {
	parser, err := newParser(grammar, args)
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
	if grammar != any(e.cli) && slices.Contains(args, "--help") {
		return errIncomplete
	}
	return e.parseNormal(args)
}

// parseNormal parses a command line that normalise returned.
func (e *env) parseNormal(args []string) (err error) {
	e.line = args
	if e.command, err = e.kong.Parse(args); err != nil {
		return parseError(err)
	}
	e.verb = e.command.Selected().Name
	e.isPlugin = e.verb == "check"
	if printsChanges(e.command) {
		e.changes = &changes{}
	}
	return nil
}

// execute runs the command line that was parsed, unless err says why it could not be, and returns the exit
// status.
func (e *env) execute(h host.Host, err error) (status int) {
	defer e.recoverPlugin(&status)
	start := time.Now()
	if err == nil && e.isRemote() {
		return e.runRemote(h)
	}
	if err == nil {
		err = e.setUp(h)
	}
	if err == nil {
		err = e.command.Run(e)
	}
	isPartial := errors.Is(err, errPartial)
	if isPartial && e.ctx.Err() != nil { // the rest was interrupted
		err = e.ctx.Err()
	}
	e.settle(err)
	err = e.printChanges(err, isPartial)
	if finishErr := e.Finish(err == nil && !e.timing); err == nil || e.isPlugin && finishErr != nil {
		err = finishErr
	}
	if err == nil {
		e.hintRefresh()
		e.hintReload()
	}
	status = e.report(err)
	if e.asVirsh {
		e.endAsVirsh(err, time.Since(start))
	}
	return status
}

// newParser creates a parser for the verbs that a command line names. A parser for all verbs takes kong three
// times as long as the rest of a short run. grammar is a pointer to the struct of the global options.
func newParser(grammar any, args []string, more ...kong.Option) (*kong.Kong, error) {
	all := needsAllVerbs(args)
	var texts grammarTexts
	options := append([]kong.Option{
		kong.Name("poolctl"), kong.ExplicitGroups(groups), kong.PostBuild(texts.hide),
		kong.Help(manual.HelpPrinter(groups)), kong.KindMapper(reflect.String, kong.MapperFunc(plainString)),
	}, more...)
	for _, v := range verbs {
		if !all && !slices.Contains(args, v.name) {
			continue
		}
		var tags []string
		if v.group == "" {
			tags = append(tags, `hidden:""`)
		}
		options = append(options, kong.DynamicCommand(v.name, v.help, v.group, v.new(), tags...))
	}
	parser, err := kong.New(grammar, options...)
	texts.restore()
	return parser, err
}

// needsAllVerbs reports whether a command line is about all verbs, as that of help, completion and the manual
// page is, or names none.
func needsAllVerbs(args []string) bool {
	named := func(name string) bool { return slices.Contains(args, name) }
	return named("help") || named("__complete") || named("__man") || !slices.ContainsFunc(verbNames(), named)
}

func verbNames() []string {
	names := make([]string, len(verbs))
	for i, v := range verbs {
		names[i] = v.name
	}
	return names
}

// plainString decodes a value without a change. kong's own decoder changes bytes that are not UTF-8, which
// file names may contain.
func plainString(ctx *kong.DecodeContext, target reflect.Value) error {
	token, err := ctx.Scan.PopValue("string")
	if err == nil {
		target.SetString(fmt.Sprint(token.Value))
	}
	return err
}

var errNoVerb = &usageError{text: "a verb is missing"}

// parseError converts an error of kong into a usageError.
func parseError(err error) error {
	if err == nil {
		return nil
	}
	text := strings.Replace(err.Error(), `must be one of "",`, "must be one of ", 1) // "": not given
	usage := &usageError{text: strings.Replace(text, "unexpected argument", "unknown verb", 1)}
	if word, found := strings.CutPrefix(usage.text, "unknown verb "); found {
		usage.text += verbsLike(word)
	}
	if strings.HasPrefix(usage.text, "expected one of") {
		usage.text = errNoVerb.Error()
	}
	if parse, ok := errors.AsType[*kong.ParseError](err); ok && parse.Context != nil &&
		parse.Context.Command() != "" {
		usage.verb = parse.Context.Selected().Name
	}
	return usage
}
