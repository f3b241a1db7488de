package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"poolctl/backend"
	"poolctl/backend/filevol"
	"poolctl/backend/host"
	"poolctl/backend/qemuimg"
	"poolctl/commands/terminal"
	"poolctl/format"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
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
	statusLocked      = 7 // or a time limit
	statusUnsupported = 8 // or a tool is missing
	statusPartial     = 9 // done in part
	statusInterrupted = 130
)

// errPartial ends a verb that has already reported its errors.
var errPartial = errors.New("done in part")

// report prints an error with its hint, and returns the exit status.
func (e *env) report(err error) int {
	if err == nil {
		return statusDone
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
	var (
		usage       *usageError
		problems    pooldef.Problems
		notReady    *backend.NotReadyError
		busy        *backend.BusyError
		content     *backend.ContentError
		state       *backend.StateError
		conflict    *pooldef.ConflictError
		locked      *pooldef.LockError
		unsupported *backend.UnsupportedError
		elsewhere   *backend.ExternalDataError
		tool        *host.ToolError
		backing     *filevol.BackingFormatError
		inUse       *host.InUseError
		tooLarge    *host.DoesNotFitError
		offset      *host.OffsetError
		reflink     *host.ReflinkError
	)
	switch {
	case errors.Is(err, errPartial):
		return statusPartial
	case errors.As(err, &usage), errors.As(err, &problems), errors.As(err, &backing), errors.As(err, &offset):
		return statusUsage
	case errors.Is(err, store.ErrNoPool), errors.Is(err, backend.ErrNoVolume), errors.Is(err, pooldef.ErrNoSecret):
		return statusNotFound
	case errors.As(err, &state), errors.As(err, &notReady), errors.As(err, &inUse), errors.As(err, &tooLarge),
		errors.As(err, &busy), errors.As(err, &content),
		errors.Is(err, pooldef.ErrNoValue), errors.Is(err, syscall.ENOTEMPTY), errors.Is(err, syscall.EBUSY):
		return statusState
	case errors.As(err, &conflict), errors.Is(err, fs.ErrExist):
		return statusConflict
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return statusPermission
	case errors.As(err, &locked), errors.Is(err, context.DeadlineExceeded):
		return statusLocked
	case errors.As(err, &unsupported), errors.As(err, &elsewhere), errors.As(err, &tool), errors.As(err, &reflink),
		errors.Is(err, errNoEvents):
		return statusUnsupported
	case errors.Is(err, context.Canceled):
		return statusInterrupted
	}
	return statusFailed
}

// hint returns what to do about an error, if possible a command to type.
func (e *env) hint(err error) string {
	var (
		usage    *usageError
		notReady *backend.NotReadyError
		content  *backend.ContentError
		state    *backend.StateError
		locked   *pooldef.LockError
		tool     *host.ToolError
		guard    *host.GuardError
		inUse    *host.InUseError
		tooLarge *host.DoesNotFitError
		noValue  *store.NoValueError
		sealed   *store.SealedError
		trust    *store.TrustError
		input    *readonlyInputError
	)
	switch {
	case errors.As(err, &usage):
		return strings.TrimSpace("poolctl help " + cmp.Or(usage.verb, e.verb))
	case errors.Is(err, store.ErrNoPool):
		return "poolctl pool-list --all"
	case errors.Is(err, pooldef.ErrNoSecret):
		return "poolctl secret-list"
	case errors.As(err, &noValue):
		return noValueHint(noValue)
	case errors.As(err, &sealed):
		return fmt.Sprintf("virsh secret-dumpxml %[1]s | poolctl secret-define - && "+
			"virsh secret-get-value %[1]s | poolctl secret-set-value %[1]s", sealed.UUID)
	case errors.As(err, &trust) && trust.Fix != nil:
		return host.Cmd(trust.Fix[0], trust.Fix[1:]...).Shell()
	case errors.As(err, &input):
		return "give it on standard input: - <" + host.Quote(input.file)
	case errors.As(err, &state):
		return state.Hint
	case errors.As(err, &notReady) && notReady.Build:
		return "poolctl pool-build " + host.Quote(notReady.Pool)
	case errors.As(err, &notReady) && notReady.Start:
		return "poolctl pool-start " + host.Quote(notReady.Pool)
	case errors.As(err, &content) && content.Want == "":
		return "--overwrite destroys that"
	case errors.As(err, &content) && content.Holds == "":
		return "poolctl pool-build --no-overwrite " + host.Quote(content.Pool)
	case errors.As(err, &notReady):
		return "mount " + host.Quote(notReady.Path)
	case errors.As(err, &locked):
		return "wait longer with --lock-timeout"
	case errors.As(err, &tool) && tool.Package() != "":
		return "apt-get install " + tool.Package()
	case errors.As(err, &guard):
		return "chown root: " + host.Quote(guard.Dir) + " && chmod go-w " + host.Quote(guard.Dir)
	case errors.As(err, &inUse):
		return inUseHint(inUse)
	case errors.As(err, &tooLarge):
		return "vol-resize makes a volume larger"
	case errors.Is(err, syscall.ENOTEMPTY):
		return "there are files left in it: delete the volumes first (poolctl vol-list, vol-delete)"
	}
	return backingHint(err)
}

// backingHint returns the hint for errors about backing files.
func backingHint(err error) string {
	var (
		backing *filevol.BackingFormatError
		guessed *filevol.GuessedFormatError
		unsaid  *qemuimg.UnrecordedFormatError
	)
	record := func(path, format, overlay string) string {
		return fmt.Sprintf("qemu-img rebase -u -b %s -F %s %s", host.Quote(path), format, host.Quote(overlay))
	}
	switch {
	case errors.As(err, &backing):
		return "--backing-vol-format " + backing.Looks +
			", if that is what it is: a guest can write any header into a raw image"
	case errors.As(err, &guessed):
		return "if it is one: " + record(guessed.Path, guessed.Looks, guessed.Overlay)
	case errors.As(err, &unsaid):
		return "record it, once you know what it is: " + record(unsaid.Path, "FORMAT", unsaid.Overlay)
	}
	return ""
}

// noValueHint returns the command that sets the value of a secret.
func noValueHint(err *store.NoValueError) string {
	if err.IsLibvirt {
		return "virsh secret-set-value " + err.UUID
	}
	return "poolctl secret-set-value " + err.UUID
}

// inUseHint returns how to find the user of a volume, and how to copy it in spite of that.
func inUseHint(err *host.InUseError) string {
	var hints []string
	if err.Reading {
		hints = append(hints, "--in-use copies it while it changes")
	}
	if _, there := os.Lstat(err.Path); there == nil { // fuser inspects only this machine
		hints = append(hints, "fuser -v "+host.Quote(err.Path)+" tells who uses it")
	}
	return strings.Join(hints, "; ")
}
