package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"poolctl/backend"
	"poolctl/backend/fault"
	"poolctl/commands/manual"
	"poolctl/commands/terminal"
	"poolctl/format"
)

// The exit statuses. They are part of the interface and do not change.
const (
	statusDone        = 0
	statusFailed      = 1
	statusUsage       = 2
	statusNotFound    = 3
	statusState       = 4
	statusConflict    = 5
	statusPermission  = 6
	statusLocked      = 7
	statusUnsupported = 8
	statusPartial     = 9
	statusDiffers     = 10
	statusInterrupted = 130
)

// An exitStatus is an exit status with the kind of errors that lead to it.
type exitStatus struct {
	manual.Status
	kind fault.Kind
}

// statuses has the text of each exit status in the manual, its word in JSON, and the kind of errors that lead
// to it. An error of another kind leads to statusFailed.
var statuses = []exitStatus{
	{manual.Status{Code: statusDone, Text: "done, or there was nothing to do"}, 0},
	{manual.Status{Code: statusFailed, Word: "failed", Text: "any other failure"}, fault.Failed},
	{manual.Status{Code: statusUsage, Word: "usage", Text: "wrong command line or definition"}, fault.Usage},
	{manual.Status{Code: statusNotFound, Word: "not-found", Text: "pool, volume or secret not found"},
		fault.NotFound},
	{manual.Status{Code: statusState, Word: "state",
		Text: "wrong state: the object is active, inactive, in use or without a value"}, fault.State},
	{manual.Status{Code: statusConflict, Word: "conflict",
		Text: "the object exists already, or conflicts with another"}, fault.Conflict},
	{manual.Status{Code: statusPermission, Word: "permission", Text: "permission denied"}, fault.Permission},
	{manual.Status{Code: statusLocked, Word: "again", Text: "a lock or a server took too long, or a server " +
		"cannot be reached: trying again may help"}, fault.Timeout},
	{manual.Status{Code: statusUnsupported, Word: "unsupported",
		Text: "the pool type does not support the operation, or a tool is missing"}, fault.Unsupported},
	{manual.Status{Code: statusPartial, Word: "partial",
		Text: "done in part: some of several objects failed"}, 0},
	{manual.Status{Code: statusDiffers, Word: "differs",
		Text: "diff has found differences, or apply --detailed-exitcode has changed something"}, 0},
	{manual.Status{Code: statusInterrupted, Word: "interrupted", Text: "interrupted"}, 0},
}

// wordOf returns the word of an exit status in JSON, or "".
func wordOf(code int) string {
	for _, s := range statuses {
		if s.Code == code {
			return s.Word
		}
	}
	return ""
}

// manualStatuses returns the exit statuses for the manual.
func manualStatuses() []manual.Status {
	list := make([]manual.Status, len(statuses))
	for i, s := range statuses {
		list[i] = s.Status
	}
	return list
}

// errPartial ends a verb that has already reported its errors.
var errPartial = errors.New("done in part")

// errDiffers ends a verb that has found or made changes, which it has already reported.
var errDiffers = errors.New("something differs")

// report prints an error with its hint, and returns the exit status.
func (e *env) report(err error) int {
	switch {
	case err == nil:
		return statusDone
	case e.isPlugin:
		return e.reportAsPlugin(err)
	case errors.Is(err, errDiffers):
		return statusDiffers
	case e.asVirsh:
		return e.reportAsVirsh(err)
	case e.errorsInJSON:
		e.reportJSON(err)
	case !errors.Is(err, errPartial):
		for _, line := range errorLines(err) {
			fmt.Fprintln(e.Stderr, "error: "+line)
		}
		if h := e.hint(err); h != "" {
			fmt.Fprintln(e.Stderr, "hint: "+format.Line(h))
		}
	}
	return status(err)
}

// errorLines returns the lines that report an error.
func errorLines(err error) []string {
	lines := terminal.Lines(err)
	for i, line := range lines {
		lines[i] = strings.ReplaceAll(line, context.Canceled.Error(), "interrupted")
	}
	return lines
}

// status returns the exit status for an error.
func status(err error) int {
	if errors.Is(err, errPartial) {
		return statusPartial
	}
	kind := kindOf(err)
	for _, s := range statuses {
		if kind > fault.Failed && s.kind == kind {
			return s.Code
		}
	}
	if errors.Is(err, context.Canceled) {
		return statusInterrupted
	}
	return statusFailed
}

// systemKinds has the kinds of errors that come from Go's library.
var systemKinds = []struct {
	err  error
	kind fault.Kind
}{
	{syscall.ENOTEMPTY, fault.State}, {syscall.EBUSY, fault.State}, {fs.ErrExist, fault.Conflict},
	{fs.ErrPermission, fault.Permission}, {syscall.EROFS, fault.Permission},
	{context.DeadlineExceeded, fault.Timeout},
}

// kindOf returns the kind of an error.
func kindOf(err error) fault.Kind {
	kind := fault.Of(err)
	for _, s := range systemKinds {
		if errors.Is(err, s.err) {
			kind = max(kind, s.kind)
		}
	}
	return kind
}

// hint returns what to do about an error, if possible a command to type.
func (e *env) hint(err error) string {
	if usage, ok := errors.AsType[*usageError](err); ok {
		verb := cmp.Or(usage.verb, e.verb)
		return strings.TrimSpace("poolctl help " + strings.TrimPrefix(verb, "help"))
	}
	hint := e.fitting(fault.Hint(err, kindOf(err)))
	switch {
	case hint == "" && errors.Is(err, syscall.ENOTEMPTY):
		return "it still contains files: delete the volumes first (poolctl vol-list, vol-delete)"
	case hint == "" && errors.Is(err, backend.ErrNoVolume):
		return e.similarVolume()
	case hint == "" && errors.Is(err, backend.ErrNoSnapshot):
		return e.snapshotsHint()
	}
	return hint
}

// fitting returns the parts of a hint that the verb can follow. Several verbs share an error: a part that
// begins with an option is only for those that have it.
func (e *env) fitting(hint string) string {
	if e.command == nil {
		return hint
	}
	parts := slices.DeleteFunc(strings.Split(hint, "; "), func(part string) bool {
		option, isOption := strings.CutPrefix(part, "--")
		option, _, _ = strings.Cut(option, " ")
		isSame := func(f *kong.Flag) bool { return f.Name == option }
		return isOption && !slices.ContainsFunc(e.command.Flags(), isSame)
	})
	return strings.Join(parts, "; ")
}
