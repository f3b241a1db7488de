package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"poolctl/backend"
	"poolctl/backend/driver"
	"poolctl/commands/terminal"
	"poolctl/pooldef"
)

// isAlone reports whether virsh prints the reason of an error only, because the command has not yet begun:
// its file cannot be opened, or the pool of its volume is not active.
func (c selectedVerb) isAlone(err error) bool {
	if _, isFile := c.file(err); isFile {
		return true
	}
	inactive, ok := errors.AsType[*driver.InactiveError](err)
	_, hasVol := c.value("vol")
	pool, isArgument := c.value("pool")
	return ok && hasVol && (c.Name != "vol-create-from" || !isArgument || inactive.Pool != pool)
}

// file returns the error about the command's own file, if it is one.
func (c selectedVerb) file(err error) (*fs.PathError, bool) {
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
func (c selectedVerb) reason(err error) string {
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
		return conflictReason(conflict)
	}
	if secret, ok := errors.AsType[*pooldef.NoSecretError](err); ok {
		return secretReason(secret)
	}
	if _, ok := errors.AsType[*backend.UnsupportedError](err); ok {
		return "this function is not supported by the connection driver: " + terminal.Sentence(withoutVerb(err))
	}
	return ""
}

// secretReason returns libvirt's reason for an error about a secret that a pool or volume names.
func secretReason(err *pooldef.NoSecretError) string {
	what, value := "uuid", err.UUID
	if value == "" {
		what, value = "usage", err.Usage
	}
	return fmt.Sprintf("Secret not found: no secret with matching %s '%s'", what, value)
}

// invalid returns libvirt's reason for an operation that does not fit a pool's state.
func invalid(pool, state string) string {
	return fmt.Sprintf("Requested operation is not valid: storage pool '%s' is %s", pool, state)
}

// existsReason returns why a volume cannot get a name.
func (c selectedVerb) existsReason(name string) string {
	if slices.Contains([]string{"vol-clone", "vol-create-from"}, c.Name) {
		return fmt.Sprintf("internal error: storage volume name '%s' already in use.", name)
	}
	return fmt.Sprintf("storage volume '%s' exists already", name)
}

// conflictReason returns the reason for a conflict between pools in libvirt's words, or "".
func conflictReason(err *pooldef.ConflictError) string {
	switch {
	case err.Pool == "":
		return ""
	case err.SameSource:
		return fmt.Sprintf("operation failed: Storage source conflict with pool: '%s'", err.Pool)
	}
	return "operation failed: " + strings.Replace(err.Text, strconv.Quote(err.Pool), "'"+err.Pool+"'", 1)
}

// fileReason returns why the command's own file cannot be opened.
func (c selectedVerb) fileReason(err *fs.PathError) string {
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
