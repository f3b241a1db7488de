package commands

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"poolctl/backend/fault"
	"poolctl/backend/host"
	"poolctl/commands/remote"
	"poolctl/commands/terminal"
)

// local are the verbs that -H does not concern.
var local = []string{"help", "completion", "__complete", "__man"}

// isRemote reports whether the command line is for other machines.
func (e *env) isRemote() bool { return e.cli.On != "" && !e.asVirsh && !slices.Contains(local, e.verb) }

// The exit statuses of ssh if it fails, and of a shell that does not find a program.
const (
	statusSSH       = 255
	statusNoProgram = 127
)

// A remoteCall is the command line for another machine, and the file on this machine that takes part in it.
type remoteCall struct {
	words    []string
	file     string // opened here and sent, or received
	isOutput bool   // the file is written
	option   string // the option that names the file; empty if an argument does
	stdin    bool   // the verb reads standard input
}

// remoteCall returns the call for the command line.
func (e *env) remoteCall() (*remoteCall, error) {
	if e.verb == "pool-edit" {
		return nil, &noRemoteError{}
	}
	verb, options := e.line[0], e.line[1:]
	var arguments []string
	if end := slices.Index(options, "--"); end >= 0 {
		options, arguments = options[:end], slices.Clone(options[end+1:])
	}
	call := &remoteCall{}
	if err := call.findFile(e, arguments); err != nil {
		return nil, err
	}
	if e.cli.Readonly { // first, because a sudo rule may demand it
		call.words = append(call.words, "--readonly")
	}
	if e.cli.DryRun {
		call.words = append(call.words, "--dry-run")
	}
	call.words = append(call.words, verb)
	for _, word := range options {
		name, _, _ := strings.Cut(word, "=")
		switch {
		case slices.Contains([]string{"--on", "--yes", "--remote-command", "--readonly", "--dry-run"}, name):
		case name == call.option:
			call.words = append(call.words, name+"=-")
		default:
			call.words = append(call.words, word)
		}
	}
	if len(arguments) > 0 {
		call.words = append(append(call.words, "--"), arguments...)
	}
	return call, nil
}

// findFile finds the file on this machine, which an argument or an option with the tag file names, and
// replaces an argument by -.
func (c *remoteCall) findFile(e *env, arguments []string) error {
	verb := e.command.Selected()
	c.isOutput = e.verb == "vol-download"
	for i, a := range verb.Positional {
		switch {
		case !a.Tag.Has("file") || c.isOutput && e.cli.DryRun || i >= len(arguments):
			continue
		case len(arguments) > len(verb.Positional):
			return &usageError{e.verb, "with -H, definitions are in one file, or on standard input"}
		}
		if arguments[i] != "-" {
			c.file, arguments[i] = arguments[i], "-"
		}
		c.stdin = !c.isOutput && c.file == ""
	}
	for _, f := range verb.Flags {
		if !f.Tag.Has("file") {
			continue
		}
		switch file, _ := e.command.FlagValue(f).(string); file {
		case "-":
			c.stdin = true
		case "": // where the tag is stdin, the verb reads standard input
			c.stdin = f.Tag.Get("file") == "stdin"
			if c.stdin && terminal.CanAsk() {
				return &usageError{e.verb, "give the value with --file, or on standard input"}
			}
		default:
			c.file, c.option = file, "--"+f.Name
		}
	}
	return nil
}

// runRemote runs the command line on other machines, and returns the exit status.
func (e *env) runRemote(h host.Host) int {
	hosts, err := remote.ParseHosts(e.cli.On)
	if err != nil {
		return e.report(&usageError{text: "-H: " + err.Error()})
	}
	call, err := e.remoteCall()
	switch {
	case isUnderSudo() || e.cli.Readonly && os.Geteuid() == 0:
		return e.report(&remoteSudoError{})
	case err != nil:
		return e.report(err)
	case len(hosts) > 1:
		return e.runFleet(hosts, call)
	}
	status, err := e.runOn(hosts[0], h, call)
	if finishErr := e.Finish(false); err == nil {
		err = finishErr
	}
	if err != nil {
		return e.report(err)
	}
	return status
}

// runOn runs a call on one machine, with the user's streams.
func (e *env) runOn(to remote.Host, h host.Host, call *remoteCall) (status int, err error) {
	out, isTerminal := terminal.Raw()
	problems := &labelled{w: e.Stderr, host: to.Name}
	defer problems.flush()
	// ssh gets a pipe, and not the file: it would make the file non-blocking (O_NONBLOCK), also for others.
	streams := host.Streams{Out: struct{ io.Writer }{out}, Err: problems}
	if isTerminal {
		streams.Out = e.People
	}
	if call.isOutput && call.file != "" {
		return e.download(to, h, call, streams)
	}
	in, err := call.input(e)
	if err != nil {
		return 0, err
	}
	if in != nil { // a nil *os.File is no nil io.Reader
		defer in.Close()
		streams.In = in
	}
	ctx, cancel := e.remoteContext(to)
	defer cancel(nil)
	if e.isPlugin {
		return e.runPlugin(ctx, cancel, to, call, streams)
	}
	return e.ssh(ctx, to, call, streams)
}

// download writes what the other machine prints to a file that gets its name when it is complete.
func (e *env) download(
	to remote.Host, h host.Host, call *remoteCall, s host.Streams,
) (status int, err error) {
	file, err := host.NewPendingFile(call.file, 0o666)
	if err != nil {
		return 0, err
	}
	defer file.Abort()
	if err := h.Change(e.ctx, file); err != nil {
		return 0, err
	}
	s.Out = file.File()
	if status, err = e.ssh(e.ctx, to, call, s); status != statusDone || err != nil {
		return status, err
	}
	return status, h.Change(e.ctx, host.Commit{File: file})
}

// input returns the standard input of a call, or nil.
func (c *remoteCall) input(e *env) (*os.File, error) {
	switch {
	case c.file != "" && !c.isOutput:
		if info, err := os.Stat(c.file); err == nil && info.IsDir() {
			return nil, &usageError{e.verb, fmt.Sprintf("with -H, %q must be a file", c.file)}
		}
		return os.Open(c.file)
	case c.stdin:
		return e.standardInput()
	}
	return nil, nil
}

// ssh runs a call and returns its exit status, or an error if poolctl did not run there.
func (e *env) ssh(
	ctx context.Context, to remote.Host, call *remoteCall, s host.Streams,
) (status int, err error) {
	ssh := strings.Fields(os.Getenv("POOLCTL_SSH"))
	if len(ssh) == 0 {
		ssh = []string{"ssh"}
	}
	argv := to.Command(ssh, e.timeout(), remote.Line(e.cli.RemoteCommand, call.words))
	status, err = host.RunStreams(ctx, argv, s)
	switch {
	case err != nil && ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case err != nil:
		return 0, err
	case status == statusSSH:
		return 0, &remoteError{to.Name, "the connection failed, or was lost", fault.Timeout, ""}
	case status == statusNoProgram:
		return 0, &remoteError{to.Name, "there is no " + e.cli.RemoteCommand, fault.Unsupported,
			"--remote-command names poolctl there"}
	}
	return status, nil
}
