package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"poolctl/backend"
	"poolctl/backend/driver"
	"poolctl/commands/terminal"
	"poolctl/format/lazy"
	"poolctl/pooldef"
)

// isAlone reports whether virsh prints the reason of an error only, because the command has not yet begun:
// its file cannot be opened, or the pool of its volume is not active.
func (c virshCommand) isAlone(err error) bool {
	if _, isFile := c.file(err); isFile {
		return true
	}
	inactive, ok := errors.AsType[*driver.InactiveError](err)
	_, hasVol := c.value("vol")
	pool, isArgument := c.value("pool")
	return ok && hasVol && (c.Name != "vol-create-from" || !isArgument || inactive.Pool != pool)
}

// file returns the error about the command's own file, if it is one.
func (c virshCommand) file(err error) (*fs.PathError, bool) {
	p, ok := errors.AsType[*fs.PathError](err)
	if !ok || p.Op != "open" {
		return nil, false
	}
	file, found := c.value("file")
	if !found {
		file, _ = c.value("srcSpec")
	}
	return p, p.Path == file
}

// reason returns why a command failed in virsh's words, or "" if these are poolctl's.
func (c virshCommand) reason(err error) string {
	if p, ok := c.file(err); ok {
		return c.fileReason(p)
	}
	if transient, ok := errors.AsType[*driver.TransientError](err); ok && c.Name == "pool-undefine" {
		return invalid(transient.Pool, "still active")
	}
	if active, ok := errors.AsType[*driver.ActiveError](err); ok {
		if strings.HasPrefix(c.Name, "pool-create") {
			return fmt.Sprintf("Requested operation is not valid: pool is already active as '%s'", active.Pool)
		}
		if slices.Contains([]string{"pool-undefine", "pool-delete"}, c.Name) {
			return invalid(active.Pool, "still active")
		}
		return invalid(active.Pool, "already active")
	}
	if inactive, ok := errors.AsType[*driver.InactiveError](err); ok {
		if c.isAlone(err) {
			return fmt.Sprintf("pool '%s' is not active", inactive.Pool)
		}
		return invalid(inactive.Pool, "not active")
	}
	if exists, ok := errors.AsType[*backend.ExistsError](err); ok && !exists.Incomplete {
		return c.existsReason(filepath.Base(exists.Path))
	}
	if conflict, ok := errors.AsType[*pooldef.ConflictError](err); ok {
		return conflictReason(conflict.Text)
	}
	if errors.Is(err, pooldef.ErrNoSecret) {
		return secretReason(terminal.Sentence(err))
	}
	if _, ok := errors.AsType[*backend.UnsupportedError](err); ok {
		return "this function is not supported by the connection driver: " + terminal.Sentence(withoutVerb(err))
	}
	return ""
}

// secretByUsage and secretByUUID match the end of poolctl's errors about secrets that do not exist.
var (
	secretByUsage = lazy.Regexp(`: no secret for \w+ "(.*)"$`)
	secretByUUID  = lazy.Regexp(`: ([0-9a-f-]{36})$`)
)

// secretReason returns libvirt's reason for an error about a secret that a pool or volume names, or "".
func secretReason(text string) string {
	for what, end := range map[string]*regexp.Regexp{"usage": secretByUsage(), "uuid": secretByUUID()} {
		if m := end.FindStringSubmatch(text); m != nil {
			return fmt.Sprintf("Secret not found: no secret with matching %s '%s'", what, m[1])
		}
	}
	return ""
}

// invalid returns libvirt's reason for an operation that does not fit a pool's state.
func invalid(pool, state string) string {
	return fmt.Sprintf("Requested operation is not valid: storage pool '%s' is %s", pool, state)
}

// existsReason returns why a volume cannot get a name.
func (c virshCommand) existsReason(name string) string {
	if slices.Contains([]string{"vol-clone", "vol-create-from"}, c.Name) {
		return fmt.Sprintf("internal error: storage volume name '%s' already in use.", name)
	}
	return fmt.Sprintf("storage volume '%s' exists already", name)
}

// quoted matches a name in the double quotes of poolctl's errors.
var quoted = lazy.Regexp(`"([^"\\]*)"`)

// conflictReason returns the text of a [pooldef.ConflictError] between pools in libvirt's words, or "".
func conflictReason(text string) string {
	if !strings.HasPrefix(text, "pool ") {
		return ""
	}
	text = quoted().ReplaceAllString(text, "'$1'")
	if pool, found := strings.CutSuffix(text, " has the same source already"); found {
		text = "Storage source conflict with pool: " + strings.TrimPrefix(pool, "pool ")
	}
	return "operation failed: " + text
}

// fileReason returns why the command's own file cannot be opened.
func (c virshCommand) fileReason(err *fs.PathError) string {
	switch c.Name {
	case "vol-upload":
		return "cannot read " + err.Path
	case "vol-download":
		return "cannot create " + err.Path
	}
	text := err.Err.Error()
	if number, ok := errors.AsType[syscall.Errno](err.Err); ok {
		text = number.Error()
	}
	return fmt.Sprintf("Failed to open file '%s': %s", err.Path, strings.ToUpper(text[:1])+text[1:])
}
