// Package host is the only door to the machine: what backends run, change and look at goes through a Host. Looking and
// changing are different methods, so that a trace or a dry run is a wrapper of a few lines.
package host

import (
	"context"
	"io/fs"
	"net"
	"net/netip"
	"sync"
	"time"

	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/sparse"
)

// A Host is the machine that storage is managed on.
type Host interface {
	// Query runs a command that only looks, and returns what it prints.
	Query(ctx context.Context, c Command) ([]byte, error)
	// Change does one thing that changes the machine. Nothing is begun once ctx has ended.
	Change(ctx context.Context, s Step) error
	// Serve runs a program that mounts a file system at a directory and serves it, and waits until it answers. The program runs as long
	// as this process, or until the file system leaves a question unanswered for as long as limit; the same command is run once. An
	// error wraps context.DeadlineExceeded if there was no answer; it is an ExitError if the program has ended.
	MountPrivate(ctx context.Context, c Command, at string, limit time.Duration) (*PrivateMount, error)
	// Invalidate clears cached query results (CachedHost). Call it after waiting for another process, which may have
	// changed the machine.
	Invalidate()
	Prober
}

// A Prober asks the kernel.
type Prober interface {
	// Enter holds a directory, found by chase, until Leave: what is looked at in it and what steps do to names in it is in that very
	// directory. inside: symbolic links that lead out of its file system lead nowhere, as whoever serves that may make any.
	OpenDir(path string, inside bool) (*Dir, error)
	// Stat is os.Stat. In a dry run what would have been made is there.
	Stat(path string) (fs.FileInfo, error)
	// Guarded returns a GuardError unless every directory on the way to a path can be changed only by root and the running user.
	CheckGuarded(path string) error
	// Hold looks at the file at a path, as Hold does, or directly in a place or stage.
	OpenPath(path string) (*safeopen.Handle, error)
	// Space tells how much room the file system at path has.
	Space(path string) (Space, error)
	// Mounted tells whether something is mounted exactly at path.
	Mounted(path string) (bool, error)
	// Mounts lists what is mounted, in the kernel's order.
	Mounts() ([]Mount, error)
	// MountAt returns what is mounted exactly at path, nil if nothing is.
	MountAt(path string) (*Mount, error)
	// Addresses returns the addresses of a server; it waits no longer than limit.
	Addresses(ctx context.Context, name string, limit time.Duration) ([]netip.Addr, error)
	// Dial connects to a server at HOST:PORT, by TCP.
	Dial(ctx context.Context, address string) (net.Conn, error)
	// MountUsers tells why something cannot be unmounted, in words for messages: process 4711 (cat), mounted at "/mnt/sub", held by
	// loop3. It names a few, and may know of none.
	MountUsers(m *Mount) ([]string, error)
	// DeviceUsers tells who uses a block device, its partitions, or the disk that it is a partition of, in words for messages: mounted
	// at "/mnt", swap, held by dm-3 (vg0-root). Nobody may use the device if there are none. It looks: whoever comes next is not kept out.
	DeviceUsers(path string) ([]string, error)
	// Openers names the processes that have one of some block devices open, a few of them. Those of others are seen by root only.
	OpenBy(devices ...string) []string
	// Blank tells whether a device has nothing but zeros in its first and its last MiB, which is where labels are: wipefs does not know
	// them all, a BSD disk's for one.
	Blank(device string) (bool, error)
	// OnBtrfs tells whether path, or the directory above it that is there, lies on a btrfs file system.
	OnBtrfs(path string) (bool, error)
	// Canonical returns the path without symbolic links, or the path itself where there is nothing.
	Canonical(path string) string
	// Sys is the kernel's /sys.
	Sys() fs.FS
	// DeviceLinks returns the names of the links in a directory of udev's, in order, by the names of the devices that they lead to: sda, dm-3.
	DeviceLinks(dir string) (map[string][]string, error)
	// FCHost finds the SCSI host of a Fibre Channel port; parent is -1 for a physical one.
	FCHost(wwnn, wwpn string) (number, parent int, ok bool)
}

// Progress is [sparse.Progress].
type Progress = sparse.Progress

// Space of a file system, in bytes. Free is what is free to root, as libvirt counts it.
type Space struct{ Total, Free uint64 }

// A Step is one change of the machine: it has happened, or there is an error and, as far as can be, it has not. The steps are
// this package's types that have these methods. Their paths are absolute.
type Step interface {
	// Shell is a shell command that would do the same.
	Shell() string
	// apply does it.
	apply(ctx context.Context, l *Local) error
}

// Local is the machine that poolctl runs on. Root, if not empty, is put in front of /sys and /proc, for tests of what
// hardware is not there. It may be used by several goroutines at once, and must not be copied.
type Local struct {
	Root      string
	IdleLimit time.Duration // how long a command may do nothing that is attended; 0: for ever
	// Unconfined, if not nil, is told of a confined command whose files this kernel cannot restrict: it has no Landlock.
	Unconfined func(Command)

	mu            sync.Mutex
	dirs          map[string]*Dir          // those that are entered, and stages in use, by their clean paths
	privateMounts map[string]*PrivateMount // by command
}

// Change implements Host.
func (l *Local) Change(ctx context.Context, s Step) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.apply(ctx, l)
}

// Invalidate implements Host. A Local caches nothing.
func (l *Local) Invalidate() {}
