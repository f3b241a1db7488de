package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"poolctl/backend/check"
	"poolctl/backend/fault"
	"poolctl/backend/host"
	"poolctl/commands/remote"
	"poolctl/format"
)

// remoteContext returns the context of a call on a machine. check is given up a second after its own time
// limit, so that a machine that hangs costs its own result only.
func (e *env) remoteContext(to remote.Host) (ctx context.Context, cancel context.CancelCauseFunc) {
	ctx, cancel = context.WithCancelCause(e.ctx)
	if e.isPlugin {
		late := &remoteError{to.Name, fmt.Sprintf("no answer within %v", e.timeout()), fault.Timeout, ""}
		timer := time.AfterFunc(e.timeout()+time.Second, func() { cancel(late) })
		context.AfterFunc(ctx, func() { timer.Stop() })
	}
	return ctx, cancel
}

// runPlugin runs check on one machine. If something else ran there, such as a sudo(8) that refuses, that is
// an error: its status is no result.
func (e *env) runPlugin(
	ctx context.Context, cancel context.CancelCauseFunc, to remote.Host, call *remoteCall, s host.Streams,
) (status int, err error) {
	out := s.Out
	printed := &limited{most: maxFleetOutput, host: to.Name, cancel: cancel}
	s.Out = printed
	if status, err = e.ssh(ctx, to, call, s); err != nil {
		return 0, err
	}
	isQuiet := e.errorsInJSON || e.cli.Quiet && status == statusDone
	if status > statusUnknown || len(printed.Bytes()) == 0 && !isQuiet {
		text := fmt.Sprintf("%s has no result, and ended with status %d", e.cli.RemoteCommand, status)
		return 0, &remoteError{to.Name, text, fault.Failed, ""}
	}
	_, err = out.Write(printed.Bytes())
	return status, err
}

func worstOfFleet(results []*fleetResult) check.Severity {
	worst := check.OK
	for _, r := range results {
		worst = max(worst, r.severity())
	}
	return worst
}

// A fleetLine is a finding, with the machine that it is about, in one line.
type fleetLine struct {
	severity check.Severity
	text     string
}

// printFleetCheck prints the results of check on several machines as one result of a monitoring plugin: the
// worst findings first, each with its machine.
func (e *env) printFleetCheck(results []*fleetResult) {
	var problems, skipped []fleetLine
	var figures []perfdatum
	for _, r := range results {
		warnings, problem := r.problem()
		fmt.Fprint(e.Stderr, warnings)
		if problem != nil {
			text := r.host + ": " + strings.TrimPrefix(problem.Text, r.host+": ")
			problems = append(problems, fleetLine{check.Unknown, text})
		}
		for _, f := range r.check.Problems {
			severity, _ := severityOf(f.Severity)
			problems = append(problems, fleetLine{severity, f.onHost(r.host)})
		}
		for _, f := range r.check.Skipped {
			f.Hint = nil
			skipped = append(skipped, fleetLine{text: fmt.Sprintf("%s (left out: %v)", f.onHost(r.host), f.Reason)})
		}
		for _, p := range r.check.Perfdata {
			p.Label = r.host + " " + p.Label
			figures = append(figures, p)
		}
	}
	if !e.Quiet {
		fmt.Fprintln(e.People, pluginText(format.Line(firstFleetLine(results)))+perfText(figures))
	}
	slices.SortStableFunc(problems, func(a, b fleetLine) int { return int(b.severity - a.severity) })
	for _, p := range problems {
		fmt.Fprintf(e.People, "[%s] %s\n", strings.ToUpper(p.severity.String()), pluginText(format.Line(p.text)))
	}
	for _, s := range skipped {
		if !e.Quiet {
			fmt.Fprintf(e.People, "[SKIPPED] %s\n", pluginText(format.Line(s.text)))
		}
	}
}

// firstFleetLine returns the summary of the results: which machines are not well, and how many there are.
func firstFleetLine(results []*fleetResult) string {
	var bad []string
	pools := 0
	for _, r := range results {
		pools += r.check.PoolCount
		if s := r.severity(); s != check.OK {
			bad = append(bad, fmt.Sprintf("%s %v", r.host, s))
		}
	}
	size := plural(len(results), "machine") + ", " + plural(pools, "pool")
	if bad != nil {
		size = strings.Join(bad, ", ") + " (" + size + ")"
	}
	return "STORAGE " + strings.ToUpper(worstOfFleet(results).String()) + " - " + size
}

// onHost returns a finding in one line, with the command that helps on its machine.
func (f *jsonFinding) onHost(host string) string {
	line := host + ": " + f.ID
	if pool, ok := f.Pool.(string); ok {
		line += " " + pool
	}
	if volume, ok := f.Volume.(string); ok {
		line += "/" + volume
	}
	line += ": " + f.Text
	if hint, ok := f.Hint.(string); ok {
		if rest, isOurs := strings.CutPrefix(hint, "poolctl "); isOurs {
			hint = "poolctl -H " + host + " " + rest
		}
		line += " (" + hint + ")"
	}
	return line
}
