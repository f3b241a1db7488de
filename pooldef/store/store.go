// Package store keeps definitions and state in files: pools and secrets in the config directory, whose layout
// is libvirt's, and run records, locks and ephemeral secrets in the run directory.
//
//	s := &store.Store{ConfigDir: "/etc/poolctl", RunDir: "/run/poolctl", Files: files}
//	unlock, err := s.LockPool(ctx, "images", store.Shared)
//	entry, err := s.Load("images") // entry.Current() is the definition in force
//
// A [Store] keeps no index and caches no content: every call reads the files. It changes files only through
// [Files], so that a dry run can print the changes. The exception is lock files, which it creates itself.
//
// Root mounts and starts what definitions describe. As root, the store therefore refuses files and
// directories that another user could change or replace, with a [TrustError].
package store

import (
	"fmt"
	"sync"

	"poolctl/pooldef"
)

// A Store reads and changes the definitions, run records and secrets in ConfigDir and RunDir. It reads files
// itself and changes them through Files. A Store serves one command.
//
// The Store uses regular files only. Directories, files and autostart links must belong to root or the
// running user. Other users must not be able to write to them, or to replace a directory. If they can, root
// gets a TrustError, and another user a warning.
type Store struct {
	ConfigDir   string
	RunDir      string
	Credentials string // the directory of systemd's credentials; empty if there is none
	LibvirtDir  string // libvirt's config directory, for secrets that ConfigDir does not define; may be empty
	// LibvirtStateDir is the directory of libvirt's records of running pools. It is used if ConfigDir is the
	// directory of libvirt's pools. It may be empty.
	LibvirtStateDir string
	SealedKey       string // the sealed systemd credential with the key of libvirt's secrets; may be empty
	// Unseal decrypts a sealed systemd credential: its name, and the file.
	Unseal   func(name, file string) ([]byte, error)
	Files    Files
	ReadOnly bool // create no lock files or directories for them; take only locks whose file exists

	isLibvirt      bool     // the files are libvirt's; secrets are only read
	ancestorChecks sync.Map // directory path to ancestorCheck: each path is checked once
}

// Files changes files. Each change happens completely or not at all.
type Files interface {
	// WriteFile writes a file of mode 0600 and creates missing parent directories.
	WriteFile(path string, data []byte) error
	// WritePrivate is WriteFile, but creates the directory, if missing, with mode 0700.
	WritePrivate(path string, data []byte) error
	// WriteSecret is WritePrivate for data that is never shown.
	WriteSecret(path string, data []byte) error
	Remove(path string) error
	// Symlink creates a symbolic link and missing parent directories.
	Symlink(target, link string) error
}

func conflictf(text string, args ...any) error {
	return &pooldef.ConflictError{Text: fmt.Sprintf(text, args...)}
}
