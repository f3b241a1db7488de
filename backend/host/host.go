// Package host wraps all access to the local machine. Backends run programs, inspect the system and change it
// through a [Host].
//
// [Local] is the machine itself. The other hosts are wrappers: [Trace] prints what happens, [DryRun] prints
// changes instead of making them, [ReadOnly] refuses changes, and [CachedHost] keeps the results of queries.
// Inspection and change are different methods, so that each wrapper is small. A function that only asks about
// files, mounts, devices or the network takes [Files], [Mounts], [Devices] or [Network].
//
// A [Step] is one change as a value. Its Shell method returns an equivalent shell command.
//
// Files: step_*.go contain steps, look_*.go inspect the machine, run_*.go run programs. The packages below
// host work on open files alone: safeopen, sparse, imagelock, extents and retry.
package host

import (
	"context"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/sparse"
)

// A Host is the machine whose storage is managed.
type Host interface {
	// Query runs a command that only inspects the machine, and returns its standard output.
	Query(ctx context.Context, c Command) ([]byte, error)
	// Change applies a step, unless ctx has ended.
	Change(ctx context.Context, s Step) error
	// MountPrivate runs a FUSE client, and waits until its file system responds. The client runs as long as
	// this process, or until the file system does not respond for as long as c.Limit. A command that runs
	// already is not run again. If the file system does not respond, the error wraps
	// context.DeadlineExceeded; if the client ends, the error is an ExitError.
	MountPrivate(ctx context.Context, c Client) (*PrivateMount, error)
	// Invalidate clears cached query results (CachedHost). Call it after waiting for another process, which
	// may have changed the machine.
	Invalidate()

	Files
	Mounts
	Devices
	Network
}

// Files are the machine's files and directories.
type Files interface {
	// OpenDir opens a directory as safeopen does, and keeps it open until Dir.Close. Until then, inspections
	// and steps that use a name in the directory work in the directory that was opened, even if its path
	// changes. With inside, symbolic links that leave its file system lead nowhere, because its server may
	// create any link.
	OpenDir(path string, inside bool) (*Dir, error)
	// Stat is os.Stat, except that the error is a safeopen.DanglingError if a symbolic link on the path leads
	// to nothing. In a dry run, directories that would have been created exist.
	Stat(path string) (fs.FileInfo, error)
	// Glob is filepath.Glob.
	Glob(pattern string) ([]string, error)
	// CheckGuarded returns a safeopen.GuardError unless only root and the running user can change the
	// directories on a path.
	CheckGuarded(path string) error
	// OpenPath inspects the file at a path, as safeopen.OpenPath does. If the path is a name in an open Dir
	// or a Stage, OpenPath uses that directory.
	OpenPath(path string) (*safeopen.Handle, error)
	// Space returns the size and free space of the file system at path.
	Space(path string) (Space, error)
	// OnBtrfs reports whether path, or its nearest existing parent directory, is on a btrfs file system.
	OnBtrfs(path string) (bool, error)
	// FileUsers returns the processes and the parts of the kernel that use files. Only root sees the files of
	// other users' processes.
	FileUsers() (*FileUsers, error)
	// Canonical returns the path without symbolic links, or the clean path if it does not exist.
	Canonical(path string) string
}

// Mounts are the machine's mounted file systems.
type Mounts interface {
	// Mounted reports whether a file system is mounted exactly at path.
	Mounted(path string) (bool, error)
	// Mounts lists all mounts, in the kernel's order.
	Mounts() ([]Mount, error)
	// MountAt returns the mount exactly at path, or nil if there is none.
	MountAt(path string) (*Mount, error)
	// MountUsers returns why a file system cannot be unmounted, in terms for messages: process 4711 (cat),
	// mounted at "/mnt/sub", held by loop3. It returns a few users, and may find none.
	MountUsers(m *Mount) ([]string, error)
}

// Devices are the block devices, and what the kernel says of them.
type Devices interface {
	// DeviceNumber returns MAJOR:MINOR of a block device. It follows links.
	DeviceNumber(path string) (string, error)
	// DeviceUsers returns the users of a block device, of its partitions, or of the disk that contains it, in
	// terms for messages: mounted at "/mnt", swap, held by dm-3 (vg0-root). Without users the device is free
	// now; DeviceUsers does not lock it.
	DeviceUsers(path string) ([]string, error)
	// OpenBy returns a few of the processes that have one of the block devices open. Only root sees other
	// users' processes.
	OpenBy(devices ...string) []string
	// OpenDevice opens a block device to read it. The caller closes it.
	OpenDevice(path string) (*os.File, error)
	// Blank reports whether the first and the last MiB of a device contain only zeros. Labels are there, and
	// wipefs does not know all of them, for example a BSD disk label.
	Blank(device string) (bool, error)
	// DeviceLinks returns the names of the links in one of udev's directories, sorted, by the name of the
	// device that they lead to: sda, dm-3.
	DeviceLinks(dir string) (map[string][]string, error)
	// FCHost returns the number of the SCSI host of a Fibre Channel port. parent is -1 for a physical port.
	FCHost(wwnn, wwpn string) (number, parent int, ok bool)
	// Zvol returns the full name of the ZFS volume whose device is at path, or "" if there is none.
	Zvol(path string) string
	// Sys and Proc return the kernel's /sys and /proc.
	Sys() fs.FS
	Proc() fs.FS
}

// Network is what the machine reaches by TCP.
type Network interface {
	// Addresses returns the addresses of a server. It waits for as long as limit.
	Addresses(ctx context.Context, name string, limit time.Duration) ([]netip.Addr, error)
	// Dial connects to a server at HOST:PORT by TCP.
	Dial(ctx context.Context, address string) (net.Conn, error)
}

// Progress is [sparse.Progress].
type Progress = sparse.Progress

// Space is the size of a file system in bytes. Free includes the space that is reserved for root, as in
// libvirt. Files and FilesFree are numbers of inodes, 0 if the file system does not limit them.
type Space struct{ Total, Free, Files, FilesFree uint64 }

// A Step is one change of the machine. If apply returns an error, the change has not happened, unless it
// cannot be undone. The steps are the types of this package with these methods. Their paths are absolute.
type Step interface {
	// Shell returns a shell command that makes the same change.
	Shell() string
	// apply makes the change.
	apply(ctx context.Context, l *Local) error
}

// Local is the machine that poolctl runs on. Several goroutines may use a Local at once. It must not be
// copied. Tests of absent hardware set Root, which is the directory that contains /sys and /proc.
type Local struct {
	Root      string
	IdleLimit time.Duration // how long a command with EndIfIdle may be idle; 0: no limit
	// Unconfined, if not nil, is called for each confined command that runs without restricted file access,
	// because this kernel lacks Landlock.
	Unconfined func(Command)

	mu            sync.Mutex
	dirs          map[string]*Dir          // open directories and stages in use, by clean path
	privateMounts map[string]*PrivateMount // by shell command
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
