package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"poolctl/backend/fault"
	"poolctl/commands/terminal"
	"poolctl/format"
)

// The exit statuses. They are part of the interface and do not change.
const (
	statusDone        = 0
	statusFailed      = 1
	statusUsage       = 2 // or a bad definition
	statusNotFound    = 3 // no such pool, volume, secret
	statusState       = 4 // active, inactive, in use, without a value
	statusConflict    = 5 // exists already
	statusPermission  = 6
	statusLocked      = 7 // or a time limit, or a server that cannot be reached
	statusUnsupported = 8 // or a tool is missing
	statusPartial     = 9 // done in part
	statusInterrupted = 130
)

// errPartial ends a verb that has already reported its errors.
var errPartial = errors.New("done in part")

// report prints an error with its hint, and returns the exit status.
func (e *env) report(err error) int {
	switch {
	case err == nil:
		return statusDone
	case e.asVirsh:
		return e.reportAsVirsh(err)
	}
	if !errors.Is(err, errPartial) {
		for _, line := range terminal.Lines(err) {
			line = strings.ReplaceAll(line, context.Canceled.Error(), "interrupted")
			fmt.Fprintln(e.Stderr, "error: "+line)
		}
		if h := e.hint(err); h != "" {
			fmt.Fprintln(e.Stderr, "hint: "+format.Line(h))
		}
	}
	return status(err)
}

// status returns the exit status for an error.
func status(err error) int {
	if errors.Is(err, errPartial) {
		return statusPartial
	}
	switch kindOf(err) {
	case fault.Usage:
		return statusUsage
	case fault.NotFound:
		return statusNotFound
	case fault.State:
		return statusState
	case fault.Conflict:
		return statusConflict
	case fault.Permission:
		return statusPermission
	case fault.Timeout:
		return statusLocked
	case fault.Unsupported:
		return statusUnsupported
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
	hint := fault.Hint(err, kindOf(err))
	if hint == "" && errors.Is(err, syscall.ENOTEMPTY) {
		return "it still contains files: delete the volumes first (poolctl vol-list, vol-delete)"
	}
	return hint
}
