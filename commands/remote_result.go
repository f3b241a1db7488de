package commands

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"poolctl/backend/check"
	"poolctl/backend/fault"
	"poolctl/backend/host"
	"poolctl/commands/remote"
	"poolctl/format"
	"poolctl/pooldef"
)

// How many bytes each of several machines may print on standard output and standard error. They are kept
// until all machines have ended. A list of 30,000 volumes is smaller.
const (
	maxFleetOutput = 32 << 20
	maxFleetErrors = 1 << 20
)

// A fleetResult is the result of a command line on one of several machines.
type fleetResult struct {
	host     string
	isPlugin bool // the verb is check
	status   int
	out      limited
	errs     limited
	err      error // poolctl did not run there, or printed what it never prints

	document map[string]json.RawMessage // what it printed with -o json; nil: nothing
	check    jsonCheck                  // the document of check
}

// run runs a call on one machine and keeps its output.
func (r *fleetResult) run(e *env, to remote.Host, call *remoteCall) {
	ctx, cancel := e.remoteContext(to)
	defer cancel(nil)
	r.out = limited{most: maxFleetOutput, host: to.Name, cancel: cancel}
	r.errs = limited{most: maxFleetErrors, host: to.Name, cancel: cancel}
	problems := &labelled{w: &r.errs, host: to.Name}
	streams := host.Streams{Out: &r.out, Err: problems}
	in, err := call.input(e)
	if err != nil {
		r.fail(err)
		return
	}
	if in != nil {
		defer in.Close()
		streams.In = in
	}
	r.status, err = e.ssh(ctx, to, call, streams)
	problems.flush()
	if err != nil {
		r.fail(err)
	}
}

// fail sets the error of a machine, and its status.
func (r *fleetResult) fail(err error) {
	r.err, r.status = err, status(err)
}

// exitStatus returns the exit status of the verb on a machine.
func (r *fleetResult) exitStatus() int {
	if r.isPlugin && r.document == nil {
		return statusUnknown
	}
	return r.status
}

// read reads the document that a machine has printed. If it is not what the verb prints, or there is none
// although the verb has succeeded, the machine has failed. columns are the fields that records should have;
// nil: all.
func (r *fleetResult) read(columns []string) {
	if _, problem := r.problem(); problem != nil && len(r.out.Bytes()) == 0 {
		return
	}
	err := json.Unmarshal(r.out.Bytes(), &r.document)
	if errors.As(err, new(*json.UnmarshalTypeError)) {
		err = errors.New("it is no JSON object")
	}
	if err == nil {
		err = r.checkDocument(columns)
	}
	if err != nil {
		r.document, r.check = nil, jsonCheck{}
		r.fail(&remoteError{r.host, fmt.Sprintf("its output cannot be used: %v", err), fault.Failed,
			"poolctl there may be of another version"})
	}
}

// checkDocument returns an error unless the document is what the verb prints.
func (r *fleetResult) checkDocument(columns []string) error {
	if version := string(r.document["schema"]); version != fmt.Sprint(format.Schema) {
		return fmt.Errorf("the schema is %.20q, not %d", version, format.Schema)
	}
	for _, kind := range fleetKinds {
		err := kind.each(r.document[kind.name], columns, func(map[string]any) {})
		if err != nil {
			return fmt.Errorf("%s: %w", kind.name, err)
		}
	}
	if !r.isPlugin {
		return nil
	}
	if err := json.Unmarshal(r.out.Bytes(), &r.check); err != nil {
		return errors.New("it is no result of check")
	}
	if _, known := severityOf(r.check.Status); !known {
		return fmt.Errorf("the status is %.20q", r.check.Status)
	}
	for _, p := range r.check.Perfdata {
		if err := p.validate(); err != nil {
			return fmt.Errorf("perfdata: %w", err)
		}
	}
	return nil
}

// validate returns an error if a figure of another machine could not be printed as performance data.
func (p *perfdatum) validate() error {
	if p.Unit != "B" && p.Unit != "%" {
		return fmt.Errorf("the unit is %.20q", p.Unit)
	}
	for _, limit := range []string{p.Warning, p.Critical} {
		if _, err := pooldef.ParseRange(limit); limit != "" && err != nil {
			return err
		}
	}
	return nil
}

// severity returns the severity of a machine's result. It is Unknown if there is none.
func (r *fleetResult) severity() check.Severity {
	severity, _ := severityOf(r.check.Status)
	return severity
}

// severityOf returns the severity with a name, which is Unknown if the name is not known.
func severityOf(name string) (severity check.Severity, known bool) {
	for s := check.OK; s <= check.Critical; s++ {
		if s.String() == name {
			return s, true
		}
	}
	return check.Unknown, false
}

// problem returns the warnings of a machine, and its error, or nil. With -o json, the error is the last line
// of what poolctl prints there on standard error. A status without an error, such as that of check, is a
// result.
func (r *fleetResult) problem() (warnings string, problem *jsonError) {
	text := string(r.errs.Bytes())
	if r.err != nil {
		hint := fault.Hint(r.err, fault.Of(r.err))
		return text, r.newError(wordOf(status(r.err)), strings.Join(errorLines(r.err), "\n"), hint, nil)
	}
	last := strings.LastIndexByte(strings.TrimSuffix(text, "\n"), '\n') + 1
	var document struct{ Error *jsonError }
	err := json.Unmarshal([]byte(text[last:]), &document)
	switch {
	case err == nil && document.Error != nil:
		found := document.Error
		hint, _ := found.Hint.(string)
		return text[:last], r.newError(found.Kind, found.Text, hint, found.Problems)
	case r.status == statusDone || len(r.out.Bytes()) > 0:
		return text, nil
	}
	if text = strings.TrimSpace(text); text == "" {
		text = fmt.Sprintf("it ended with status %d", r.status)
	}
	return "", r.newError("", text, "", nil)
}

// newError returns the error of a machine for JSON. A kind that poolctl does not know is replaced by that of
// the status.
func (r *fleetResult) newError(kind, text, hint string, problems []jsonProblem) *jsonError {
	code := r.exitStatus()
	if wordOf(code) == "" {
		code = statusFailed
	}
	problem := newJSONError(code, text, hint, problems)
	switch isKnown := slices.ContainsFunc(statuses, func(s exitStatus) bool { return s.Word == kind }); {
	case kind != "" && isKnown:
		problem.Kind = kind
	case r.isPlugin:
		problem.Kind = wordOf(statusFailed)
	}
	return problem
}

// A limited writer keeps what a machine prints. If that is too much, it keeps nothing and ends the call.
type limited struct {
	most   int // bytes
	host   string
	cancel context.CancelCauseFunc
	buffer bytes.Buffer
}

// Write implements io.Writer.
func (l *limited) Write(text []byte) (int, error) {
	if l.buffer.Len()+len(text) > l.most {
		err := &remoteError{l.host, "it has printed more than " + format.HumanSize(uint64(l.most)), fault.Failed,
			"with this machine alone, there is no limit"}
		l.buffer = bytes.Buffer{}
		l.cancel(err)
		return 0, err
	}
	return l.buffer.Write(text)
}

// Bytes returns what is kept.
func (l *limited) Bytes() []byte { return l.buffer.Bytes() }
