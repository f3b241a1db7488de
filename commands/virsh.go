package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/commands/batch"
	"poolctl/commands/terminal"
	"poolctl/commands/virsh"
)

// A virshRun is a run of poolctl under the name virsh, for scripts that call virsh. Its manners are virsh's:
// exit status 1 for every failure, the texts of errors, and no option or variable that changes the output. A
// command line that contains anything but storage commands of this machine is handed over, as a whole, to the
// next virsh in the PATH.
type virshRun struct {
	ctx  context.Context
	host host.Host
	args []string
	line virsh.Line
}

// mainAsVirsh runs one command line under the name virsh and returns the exit status.
func mainAsVirsh(ctx context.Context, h host.Host, args []string) int {
	r := &virshRun{ctx: ctx, host: h, args: args}
	var err error
	r.line, err = virsh.ParseLine(args)
	switch uri := r.otherURI(); {
	case err != nil:
		return r.handOver(err.Error(), nil)
	case r.line.About != "":
		return r.handOver("option "+r.line.About, nil)
	case uri != "":
		return r.handOver("URI "+uri, nil)
	case len(r.line.Words) == 0 && terminal.CanAsk():
		return r.handOver("interactive session", nil)
	}
	_ = os.Unsetenv("POOLCTL_OUTPUT") // it changes the output of poolctl only
	if len(r.line.Words) == 0 {
		return r.session()
	}
	return r.commands()
}

// commands runs the commands of the command line: one in several words, or those of a batch.
func (r *virshRun) commands() int {
	commands := [][]string{r.line.Words}
	if len(r.line.Words) == 1 {
		text := r.line.Words[0]
		if text == "" { // as virsh does
			return statusFailed
		}
		var err error
		if commands, err = batch.Parse(text); err != nil {
			return r.newEnv().report(err)
		}
	}
	if name := otherCommand(commands); name != "" {
		return r.handOver("command "+name, nil)
	}
	host.NoCoreDumps()
	return r.batch().runCommands(r.ctx, r.host, commands, statusDone)
}

// batch returns a batch with the global options.
func (r *virshRun) batch() batchRun {
	b := batchRun{asVirsh: true, timing: r.line.Timing}
	if r.line.Quiet {
		b.globals = append(b.globals, "--quiet")
	}
	if r.line.ReadOnly {
		b.globals = append(b.globals, "--readonly")
	}
	if r.line.URI != "" {
		b.globals = append(b.globals, "--connect="+r.line.URI)
	}
	return b
}

func (r *virshRun) newEnv() *env { return batchRun{asVirsh: true}.newEnv(r.ctx) }

// otherURI returns the URI to connect to if it does not mean this machine.
func (r *virshRun) otherURI() string {
	dir, err := libvirtDir(os.Getenv("POOLCTL_LIBVIRT_DIR"))
	if err != nil {
		return ""
	}
	if c, err := connectionOf(r.line.URI, dir); err != nil || c.check() != nil {
		return c.from + c.uri
	}
	return ""
}

// otherCommand returns the name of the first command that is not one of poolctl's storage commands. virsh's
// autostart is about domains.
func otherCommand(commands [][]string) string {
	for _, words := range commands {
		i := slices.Index(verbNames(), words[0])
		isStorage := i >= 0 && slices.Contains([]string{"pools", "volumes", "secrets"}, verbs[i].group)
		if !isStorage || words[0] == "autostart" {
			return words[0]
		}
	}
	return ""
}

// handedOver is the environment variable that counts how often a command line was handed over. A virsh that
// is a script or a copy of poolctl could run this program again.
const (
	handedOver     = "POOLCTL_VIRSH_HANDED_OVER"
	handedOverMost = 8
)

// handOver replaces this process with the next virsh in the PATH. what is the reason. If input is not nil, it
// has been read from standard input. handOver returns if there is no other virsh, or if it cannot be run.
func (r *virshRun) handOver(what string, input []byte) int {
	for _, name := range []string{"POOLCTL_READONLY", "POOLCTL_DRY_RUN"} {
		if on, err := strconv.ParseBool(os.Getenv(name)); on || err != nil && os.Getenv(name) != "" {
			const text = "%s: another virsh would have to run, which does not obey %s"
			return r.newEnv().report(fmt.Errorf(text, what, name))
		}
	}
	self, err := os.Stat("/proc/self/exe")
	if err != nil {
		return r.newEnv().report(err)
	}
	next := virsh.Next(os.Getenv("PATH"), self)
	times, _ := strconv.Atoi(os.Getenv(handedOver))
	switch {
	case next == "":
		err = fmt.Errorf("%s: poolctl only does storage on this machine, and the PATH has no other virsh", what)
	case times >= handedOverMost:
		err = fmt.Errorf("%s: %q runs poolctl again", what, next)
	default:
		_ = os.Setenv(handedOver, strconv.Itoa(times+1))
		err = host.Become(next, slices.Concat([]string{"virsh"}, r.args), os.Environ(), input)
	}
	return r.newEnv().report(err)
}

// readStdin reads standard input to its end.
func (r *virshRun) readStdin() ([]byte, error) {
	text, err := backend.Await(r.ctx, func() ([]byte, error) { return io.ReadAll(os.Stdin) })
	if err != nil && !errors.Is(err, context.Canceled) {
		err = fmt.Errorf("standard input: %w", err)
	}
	return text, err
}

// endAsVirsh prints what virsh prints after a command, except for the empty line after success, which Finish
// prints.
func (e *env) endAsVirsh(err error, elapsed time.Duration) {
	switch {
	case e.timing:
		e.Print("\n(Time: %.3f ms)\n\n", float64(elapsed)/float64(time.Millisecond))
	case err != nil && !e.Quiet && !e.DryRun:
		e.Print("\n")
	}
	_ = e.Finish(false)
}
