package commands

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"poolctl/commands/remote"
	"poolctl/commands/terminal"
)

// fleetAtOnce is how many machines work at the same time.
const fleetAtOnce = 8

// runFleet runs a call on several machines, prints the results in the order of the machines, and returns the
// exit status.
func (e *env) runFleet(hosts []remote.Host, call *remoteCall) int {
	err := e.checkFleet(hosts, call)
	if err != nil {
		return e.report(err)
	}
	e.Quiet = e.cli.Quiet
	style := e.styleOf()
	isTable := style == "table" && (e.printsRecords() || e.isPlugin)
	asksForJSON := isTable || style == "json" // a table has the records of all machines
	if asksForJSON {
		call.words = withJSON(call.words)
	}
	results := make([]*fleetResult, len(hosts))
	var running sync.WaitGroup
	slots := make(chan struct{}, fleetAtOnce)
	for i, to := range hosts {
		results[i] = &fleetResult{host: to.Name, isPlugin: e.isPlugin}
		slots <- struct{}{}
		running.Go(func() {
			results[i].run(e, to, call)
			if asksForJSON && results[i].err == nil {
				results[i].read(e.columns())
			}
			<-slots
		})
	}
	running.Wait()
	switch {
	case style == "json":
		err = e.printFleetJSON(results)
	case e.isPlugin:
		e.printFleetCheck(results)
	case isTable:
		err = e.printFleetTable(results)
	default:
		e.printFleetText(results)
	}
	if finishErr := e.Finish(err == nil && isTable && !e.isPlugin); err == nil {
		err = finishErr
	}
	if err != nil {
		return e.report(err)
	}
	return e.fleetStatus(results)
}

// checkFleet returns an error unless a call can run on several machines. Before a change, it asks.
func (e *env) checkFleet(hosts []remote.Host, call *remoteCall) error {
	switch style := e.styleOf(); {
	case call.stdin:
		return &usageError{e.verb, "only one machine can read standard input: name a file"}
	case call.isOutput:
		return &usageError{e.verb, "several machines cannot write one file"}
	case e.printsRecords() && style != "table" && style != "json":
		return &usageError{e.verb, "of several machines, there is only a table or -o json"}
	case e.isPlugin && slices.Contains(call.words, "--verbose"):
		return &usageError{e.verb, "of several machines, only problems are known: leave --verbose out"}
	case !e.hasFlag("changes") || e.verb == "diff" || e.cli.DryRun || e.cli.Readonly || e.cli.Yes:
		return nil
	case !terminal.CanAsk():
		return &usageError{e.verb, "--yes is needed to change several machines"}
	}
	answer, err := e.Ask(e.ctx, os.Stdin, fmt.Sprintf("Run %s on %d machines? [y/n] ", e.verb, len(hosts)))
	if err == nil && strings.TrimSpace(answer) != "y" {
		err = errors.New("nothing was changed")
	}
	return err
}

// hasFlag reports whether an option of the verb has a tag.
func (e *env) hasFlag(tag string) bool {
	for _, f := range e.command.Selected().Flags {
		if f.Tag.Has(tag) {
			return true
		}
	}
	return false
}

// printsRecords reports whether the verb prints a list of records.
func (e *env) printsRecords() bool {
	for _, f := range e.command.Selected().Flags {
		if f.Name == "columns" {
			return true
		}
	}
	return false
}

// styleOf returns the output style of the command line.
func (e *env) styleOf() string {
	for _, f := range e.command.Selected().Flags {
		if style, ok := e.command.FlagValue(f).(string); ok && f.Name == "output" {
			return style
		}
	}
	return "table"
}

// withJSON returns words with the option -o json, which must precede --.
func withJSON(words []string) []string {
	isStyle := func(word string) bool { return strings.HasPrefix(word, "--output=") }
	words = slices.DeleteFunc(slices.Clone(words), isStyle)
	verb := slices.IndexFunc(words, func(w string) bool { return !strings.HasPrefix(w, "--") })
	return slices.Insert(words, verb+1, "--output=json")
}

// fleetStatus returns the status of all machines if it is the same, and otherwise statusPartial; of check,
// that of the worst result.
func (e *env) fleetStatus(results []*fleetResult) int {
	if e.isPlugin {
		return worstOfFleet(results).Status()
	}
	for _, r := range results {
		if r.status != results[0].status {
			return statusPartial
		}
	}
	return results[0].status
}

// printFleetText prints what each machine printed, after its name.
func (e *env) printFleetText(results []*fleetResult) {
	for _, r := range results {
		e.reportFleet(r)
		if text := strings.Trim(string(r.out.Bytes()), "\n"); text != "" {
			if !e.Quiet {
				fmt.Fprintln(e.People, r.host+":")
			}
			fmt.Fprintln(e.Results, text)
		}
	}
}

// reportFleet prints what a machine has on its standard error, or why it cannot be reached.
func (e *env) reportFleet(r *fleetResult) {
	_, _ = e.Stderr.Write(r.errs.Bytes())
	if r.err != nil {
		e.report(r.err)
	}
}
