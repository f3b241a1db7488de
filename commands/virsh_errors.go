package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"poolctl/backend"
	"poolctl/backend/fault"
	"poolctl/commands/terminal"
	"poolctl/format"
	"poolctl/format/lazy"
	"poolctl/pooldef"
)

// reportAsVirsh prints an error as virsh does, without a hint, and returns virsh's exit status. An
// interrupted command has the status of a process that SIGINT ended.
func (e *env) reportAsVirsh(err error) int {
	if !errors.Is(err, errPartial) {
		for _, line := range e.virshLines(err) {
			fmt.Fprintln(e.Stderr, "error: "+format.Line(line))
		}
	}
	if status(err) == statusInterrupted {
		return statusInterrupted
	}
	return statusFailed
}

// virshFailed has what virsh 9.0 says first when a command fails. Words in braces are arguments and options.
var virshFailed = map[string]string{
	"find-storage-pool-sources":    "Failed to find any {type} pool sources",
	"find-storage-pool-sources-as": "Failed to find any {type} pool sources",
	"pool-autostart":               "failed to mark pool {pool} as autostarted",
	"pool-build":                   "Failed to build pool {pool}",
	"pool-create":                  "Failed to create pool from {file}",
	"pool-create-as":               "Failed to create pool {name}",
	"pool-define":                  "Failed to define pool from {file}",
	"pool-define-as":               "Failed to define pool {name}",
	"pool-delete":                  "Failed to delete pool {pool}",
	"pool-destroy":                 "Failed to destroy pool {pool}",
	"pool-refresh":                 "Failed to refresh pool {pool}",
	"pool-start":                   "Failed to start pool {pool}",
	"pool-undefine":                "Failed to undefine pool {pool}",
	"secret-define":                "Failed to set attributes from {file}",
	"secret-set-value":             "Failed to set secret value",
	"secret-undefine":              "Failed to delete secret {secret}",
	"vol-clone":                    "Failed to clone vol from {vol}",
	"vol-create":                   "Failed to create vol from {file}",
	"vol-create-as":                "Failed to create vol {name}",
	"vol-create-from":              "Failed to create vol from {file}",
	"vol-delete":                   "Failed to delete vol {vol}",
	"vol-download":                 "cannot download from volume {vol}",
	"vol-list":                     "Failed to list volumes",
	"vol-resize":                   "Failed to change size of volume '{vol}' to {capacity}",
	"vol-upload":                   "cannot upload to volume {vol}",
	"vol-wipe":                     "Failed to wipe vol {vol}",
}

// virshLines returns the lines with which virsh reports an error: what failed, and why. Both have virsh's
// words where scripts look for them.
func (e *env) virshLines(err error) []string {
	if command, ok := errors.AsType[*commandError](err); ok {
		return command.virsh
	}
	if line := misuse(err); line != "" {
		return []string{line}
	}
	if e.command == nil {
		return terminal.Lines(err)
	}
	c := selectedVerb{e.command.Selected()}
	if lines := c.notFound(err); lines != nil {
		return lines
	}
	failed, reasons := c.replace(virshFailed[e.verb]), terminal.Lines(withoutVerb(err))
	if text := c.reason(err); text != "" {
		reasons = []string{text}
	}
	if failed == "" || c.isAlone(err) {
		return reasons
	}
	return append([]string{failed}, reasons...)
}

// withoutVerb returns the error that a verb has wrapped to say what it was doing.
func withoutVerb(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if ok && len(joined.Unwrap()) == 1 {
		err = joined.Unwrap()[0]
	}
	_, isOwn := err.(fault.Error)    //nolint:errorlint // this one, not one that it wraps
	_, isFile := err.(*fs.PathError) //nolint:errorlint // the same
	inner := errors.Unwrap(err)
	if isOwn || isFile || inner == nil || !strings.HasSuffix(err.Error(), ": "+inner.Error()) {
		return err
	}
	return inner
}

var braces = lazy.Regexp(`\{[a-z-]+\}`)

// replace replaces the words in braces.
func (c selectedVerb) replace(text string) string {
	switch {
	case c.Name == "pool-autostart" && c.is("disable"):
		text = strings.Replace(text, "mark", "unmark", 1)
	case c.Name == "vol-resize" && c.is("delta"):
		text = strings.Replace(text, " to {", " by {", 1)
	}
	return braces().ReplaceAllStringFunc(text, func(word string) string {
		value, _ := c.value(strings.Trim(word, "{}"))
		return value
	})
}

// notFound returns the lines of an error about a pool, volume or secret that does not exist, or nil.
func (c selectedVerb) notFound(err error) []string {
	const text = "%s not found: no %s with matching %s '%s'"
	pool, isPool := errors.AsType[interface {
		error
		PoolName() string
	}](err)
	vol, isVol := c.value("vol")
	if !isVol {
		vol, isVol = c.value("backing-vol")
	}
	secret, isSecret := c.value("secret")
	switch {
	case isPool:
		name := pool.PoolName()
		return []string{
			fmt.Sprintf("failed to get pool '%s'", name),
			fmt.Sprintf(text, "Storage pool", "storage pool", "name", name),
		}
	case isVol && errors.Is(err, backend.ErrNoVolume):
		failed := fmt.Sprintf("failed to get vol '%s'", vol)
		for _, option := range []string{"pool", "inputpool"} {
			if value, found := c.value(option); found && value == "" {
				failed += fmt.Sprintf(", specifying --%s might help", option)
			}
		}
		return []string{failed, fmt.Sprintf(text, "Storage volume", "storage vol", "path", vol)}
	case isSecret && errors.Is(err, pooldef.ErrNoSecret):
		return []string{
			fmt.Sprintf("failed to get secret '%s'", secret),
			fmt.Sprintf(text, "Secret", "secret", "uuid", secret),
		}
	}
	return nil
}
