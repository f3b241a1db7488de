// Package store keeps definitions and state in files: pools and secrets in the config directory, whose layout is
// libvirt's, and run records, locks and ephemeral secrets in the run directory.
//
//	s := &store.Store{ConfigDir: "/etc/poolctl", RunDir: "/run/poolctl", Files: files}
//	unlock, err := s.LockPool(ctx, "images", store.Shared)
//	entry, err := s.Load("images") // entry.Current() is the definition in force
//
// A [Store] keeps no index and caches no content: every call reads the files. It changes files only through [Files],
// so that a dry run can print the changes. The exception is lock files, which it creates itself.
//
// Root runs what the definitions say. As root, the store therefore refuses files and directories that another user
// could change or replace, with a [TrustError].
package store

import (
	"sync"

	"poolctl/fault"
)

// A Store keeps the definitions of pools in one directory, in libvirt's layout, and the records of running ones in another.
// It reads by itself; whatever changes a file goes through Files.
//
// It uses regular files only. Directories, files and autostart links have to belong to root or the running user, and others
// must not be able to write to them, nor to put others in the place of its directories: as root, a TrustError refuses them, any
// other user gets a warning.
type Store struct {
	ConfigDir   string
	RunDir      string
	Credentials string // the directory of systemd's credentials; empty: there is none
	LibvirtDir  string // the directory of libvirt's definitions, whose secrets are used where there is none here; empty: they are not
	Files       Files
	ReadOnly    bool // no lock files are made, nor their directory: only a lock that is there is taken

	isLibvirt      bool     // it is libvirt's, whose secrets are only read
	ancestorChecks sync.Map // a checkedWay for the path of each directory: a Store is for one verb, which walks there once
}

// Files changes files, each change whole or not at all.
type Files interface {
	WriteFile(path string, data []byte) error    // mode 0600; missing parents are made
	WritePrivate(path string, data []byte) error // the same; the directory, if it has to be made, has mode 0700
	WriteSecret(path string, data []byte) error  // the same, and data are never shown
	Remove(path string) error
	Symlink(target, link string) error // missing parents are made
}

// ErrNoPool is what Load wraps when there is no pool of that name.
var ErrNoPool = fault.WithHint(fault.NotFound, "no such pool", "poolctl pool-list --all")
