package commands

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"poolctl/backend"
	"poolctl/backend/fault"
	"poolctl/backend/host"
	"poolctl/commands/batch"
)

// A batchRun is several verbs in one command line, as in virsh: in one argument, or in the lines of standard
// input. A verb that fails does not end it.
type batchRun struct {
	globals   []string // the global options, which hold for all verbs
	text      string
	fromInput bool // standard input has the verbs
	asVirsh   bool // under the name virsh
	timing    bool // print how long each verb takes
}

// findBatch returns the batch of a command line, which is the only word after the global options. No verb
// contains a character that has a meaning in a batch. After --, a word is a verb.
func findBatch(args []string) (b batchRun, found bool) {
	if len(args) == 0 || slices.Contains(args, "--") {
		return b, false
	}
	if last := args[len(args)-1]; last != "-" && !strings.ContainsAny(last, " \t\n;#'\"\\") {
		return b, false
	}
	parser, err := kong.New(&cli{})
	if err != nil {
		return b, false
	}
	p := argvParser{model: parser.Model, rest: args}
	if err := p.globals(); err != nil || len(p.rest) != 1 { // Main reports the error
		return b, false
	}
	if p.seen["help"] || p.seen["version"] || p.seen["version-too"] {
		return b, false
	}
	return batchRun{globals: p.out, text: p.rest[0], fromInput: p.rest[0] == "-"}, true
}

// run runs the verbs and returns the status of the last one.
func (b batchRun) run(ctx context.Context, h host.Host) int {
	if !b.fromInput {
		return b.runText(ctx, h, b.text, statusDone)
	}
	status := statusDone
	for in := bufio.NewReader(os.Stdin); ; {
		line, err := backend.Await(ctx, func() (string, error) { return in.ReadString('\n') })
		if err == nil || errors.Is(err, io.EOF) {
			status = b.runText(ctx, h, strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), status)
		}
		switch {
		case errors.Is(err, io.EOF):
			return status
		case err == nil:
			err = ctx.Err()
		}
		if err != nil {
			return b.newEnv(ctx).report(err)
		}
	}
}

// newEnv returns the environment of a verb.
func (b batchRun) newEnv(ctx context.Context) *env {
	e := newEnv(ctx)
	e.inputIsBatch, e.asVirsh, e.timing = b.fromInput, b.asVirsh, b.timing
	return e
}

// runText runs the verbs of a text, or none of them if one cannot be parsed. It returns the status of the
// last one, or status if the text has no verbs.
func (b batchRun) runText(ctx context.Context, h host.Host, text string, status int) int {
	commands, err := batch.Parse(text)
	if err != nil {
		return b.newEnv(ctx).report(&usageError{text: err.Error()})
	}
	if len(commands) > 1 && !b.fromInput && isUnderSudo() {
		return b.newEnv(ctx).report(&sudoError{})
	}
	return b.runCommands(ctx, h, commands, status)
}

// A sudoError reports several verbs in one argument. sudo compares the joined arguments with its rules, so a
// rule for the first verb would allow all of them.
type sudoError struct{}

func (*sudoError) Error() string {
	return "several verbs in one argument are not allowed through sudo: " +
		"a rule for the first would allow all of them"
}

// Kind implements [fault.Error].
func (*sudoError) Kind() fault.Kind { return fault.Permission }

// HintLine implements [fault.Hinter].
func (*sudoError) HintLine() string { return "poolctl - reads the verbs from standard input" }

// isUnderSudo reports whether sudo(8) or doas(1) runs poolctl for a user who is not root.
func isUnderSudo() bool {
	uid, doas := os.Getenv("SUDO_UID"), os.Getenv("DOAS_USER")
	return uid != "" && uid != "0" || doas != "" && doas != "root"
}

// runCommands does the same with verbs that are already split into words.
func (b batchRun) runCommands(ctx context.Context, h host.Host, commands [][]string, status int) int {
	envs := make([]*env, len(commands))
	for i, words := range commands {
		envs[i] = b.newEnv(ctx)
		envs[i].errorsInJSON = !b.asVirsh && asksForJSON(words)
		envs[i].isPlugin = isPluginLine(words[:1])
		if err := envs[i].parseInBatch(b.globals, words); err != nil {
			return envs[i].report(err)
		}
	}
	for i, e := range envs {
		if i > 0 && ctx.Err() != nil {
			return e.report(ctx.Err())
		}
		status = e.execute(h, nil)
	}
	return status
}

// parseInBatch parses a verb of a batch. The global options are those of the batch.
func (e *env) parseInBatch(globals, words []string) (err error) {
	e.kong, err = newParser(e.cli, words[:1], kong.Exit(func(int) { e.helped = true }))
	if err != nil {
		return err
	}
	args, err := normaliseInBatch(e.kong.Model, globals, words)
	if err != nil {
		return err
	}
	if slices.Equal(args, []string{words[0], "--help"}) {
		return e.parseInBatch(globals, []string{"help", words[0]})
	}
	return e.parseNormal(args)
}
