// Package backend says what it takes to manage the pools of one type. The types themselves are the packages below it.
package backend

import (
	"context"
	"fmt"
	"iter"
	"os"
	"time"

	"poolctl/backend/host"
	"poolctl/fault"
	"poolctl/pooldef"
)

// A Backend manages the pools of one type. It keeps nothing between calls, and may be used by several goroutines at once.
//
// What it does is done wholly or, if there is an error, not at all: what was begun is undone, also if ctx ends meanwhile. Only what
// cannot be undone, as a deletion, may have happened in spite of an error. Package backendtest holds every backend to this.
type Backend interface {
	// Active tells whether the pool's storage can be used now.
	Active(ctx context.Context, p *pooldef.Pool) (bool, error)
	// Space tells the room in an active pool. Its error says why a pool that is not active is not.
	Space(ctx context.Context, p *pooldef.Pool) (pooldef.Space, error)
	// Volumes lists the volumes in the order of pooldef.CompareNames, with what one cheap listing tells: name, key, path.
	// An error ends the listing.
	Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error]
	// Volume returns one volume with all that can be known of it; why the rest cannot, such as for want of permission, stands in
	// its Err. If there is none of that name, the error wraps ErrNoVolume.
	Volume(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error)
}

// What a backend may do besides. As finds it.
type (
	// A Starter makes storage usable and stops that again. A type whose start changes nothing has none. Where somebody else can have
	// done the same, Stop leaves alone what is not Started. A Start that returns a Warning has worked.
	Starter interface {
		Start(ctx context.Context, p *pooldef.Pool) error
		Stop(ctx context.Context, p *pooldef.Pool) error
	}
	// A Refresher looks for what has come to an active pool's storage, or has another size, and waits until it can be used: for as long
	// as that usually takes. With a wait it stays that long, if need be, until there is anything at all.
	Refresher interface {
		Refresh(ctx context.Context, p *pooldef.Pool, wait time.Duration) error
	}
	// A Builder makes the storage that a pool is to live in.
	Builder interface {
		Build(ctx context.Context, p *pooldef.Pool, o BuildOptions) error
	}
	// A PoolDeleter unmakes what a Builder made. It refuses where there is data left.
	PoolDeleter interface {
		DeletePool(ctx context.Context, p *pooldef.Pool) error
	}
	// A Discoverer finds sources that pools could be made of.
	Discoverer interface {
		Discover(ctx context.Context, spec *pooldef.Source) ([]pooldef.Source, error)
	}
	// An StatusReader returns an active pool's definition with what is seen on the machine: permissions, free extents.
	StatusReader interface {
		ReadStatus(ctx context.Context, p *pooldef.Pool) (*pooldef.Pool, error)
	}
	// A DetailLister lists like Volumes, with sizes and formats. What cannot be had of one volume stands in its Err.
	DetailLister interface {
		Details(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error]
	}
	// A Locator tells the name of the volume that a path or key means, without listing the pool, or asking whether it is there.
	Locator interface {
		Locate(ctx context.Context, p *pooldef.Pool, pathOrKey string) (name string, ok bool)
	}
	// A BackingChainer follows what images name as their backing files, to the end of the chain.
	BackingChainer interface {
		// Chain returns the images below a volume, nearest first: not nil, and empty if it is based on nothing. Of each it tells
		// path, format, sizes, permissions and times. Its type is network if it is none of this host's files or devices; then it ends the
		// chain, and its path is what names it. If one cannot be followed it is the last, and the error says why.
		Chain(ctx context.Context, p *pooldef.Pool, name string) ([]*pooldef.Volume, error)
	}
	// A Creator makes volumes. A name that is taken, also by a volume that is being made, is an error that wraps fs.ErrExist. Nobody
	// sees a volume before it is whole, even if the process that makes it is killed.
	Creator interface {
		Create(ctx context.Context, p *pooldef.Pool, v *pooldef.Volume, o CreateOptions) error
	}
	// A Deleter removes volumes. One that is not there is an error that wraps ErrNoVolume.
	Deleter interface {
		Delete(ctx context.Context, p *pooldef.Pool, name string) error
	}
	// A SnapshotDeleter removes a volume with the snapshots that could not be without it.
	SnapshotDeleter interface {
		DeleteWithSnapshots(ctx context.Context, p *pooldef.Pool, name string) error
	}
	// A Renamer gives a volume another name in its pool, at once: it is always there under one of them. One that is not there is an
	// error that wraps ErrNoVolume, a name that is taken one that wraps fs.ErrExist. What names the volume as its backing file is
	// not changed.
	Renamer interface {
		Rename(ctx context.Context, p *pooldef.Pool, name, newName string) error
	}
	// A Exporter shows a volume that is nowhere on this machine as a file of it, for as long as this process lives. It is described as
	// Volume describes such a file.
	Exporter interface {
		Export(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error)
		// Outside returns the path by which others know a file that is seen where a lent one is.
		Outside(ctx context.Context, p *pooldef.Pool, path string) string
	}
	// A Cloner makes volumes that begin with the data of another, of whatever pool: one that is a file or block device of this
	// machine, or a volume that the backend knows by its pool, and is described as Volume describes it. It is only read. What is said of a
	// Creator holds here, too. A new volume does not depend on the old one, but in a cluster that shares data between volumes, unless
	// Full: what that takes from a backing store is copied.
	Cloner interface {
		Clone(ctx context.Context, p *pooldef.Pool, v, source *pooldef.Volume, o CloneOptions) error
	}
	// A Resizer changes a volume's capacity to so many bytes, or a few more if its format needs that.
	Resizer interface {
		Resize(ctx context.Context, p *pooldef.Pool, name string, size uint64, o ResizeOptions) error
	}
	// A Wiper destroys a volume's data, by one of the algorithms of host.Wipe, so that what is read of it afterwards is not them.
	Wiper interface {
		Wipe(ctx context.Context, p *pooldef.Pool, name, algorithm string, progress host.Progress) error
	}
	// An Uploader writes data into a volume. What would not fit is refused, if possible before the first byte is written.
	Uploader interface {
		Upload(ctx context.Context, p *pooldef.Pool, name string, from *os.File, t Transfer) error
	}
	// A Downloader copies a volume's data to a file from where that stands on.
	Downloader interface {
		Download(ctx context.Context, p *pooldef.Pool, name string, to *os.File, t Transfer) error
	}
	// An Explainer says in whatever it is asked to do with volumes what keeps the pool from being used, in Active's words. Who has started the
	// pool need not ask that first, which takes as long as what is asked then.
	Explainer interface{ Explains() }
	// A Tidier removes what a Start has left that was killed before the pool was active.
	Tidier interface {
		Tidy(ctx context.Context, p *pooldef.Pool) error
	}
	// A Sweeper removes what a poolctl that was killed left half-made in a pool, and tells what. What is being made stays.
	Sweeper interface {
		Sweep(ctx context.Context, p *pooldef.Pool) ([]string, error)
	}
)

// BuildOptions tell what may happen to what is there already.
type BuildOptions struct {
	Overwrite   bool // whatever is on the device goes
	NoOverwrite bool // format, but only an empty device
}

// CreateOptions tell how room is made for a new volume.
type CreateOptions struct {
	Preallocation string // "" (as the definition's allocation says), off, metadata, falloc, full
	Progress      host.Progress
}

// CloneOptions tell how a volume is made from another.
type CloneOptions struct {
	CreateOptions
	Reflink bool // the blocks must be shared, not copied; as long as they are, the source may be one that cannot be deleted
	InUse   bool // others may be writing to the source
	// Full has all data copied, where a new volume would otherwise have them from the source, and could not be without it.
	Full  bool
	Known Known // nil: no backing file may be read
	// From is the pool that the source is in; nil: it is no pool's.
	From *pooldef.Pool
}

// Known says whether an image that another names as its backing file may be read: nil, if it is a volume of an active pool. Otherwise a
// guest that writes a header into its disk could have us read any file of this machine. file is nil for an image of Ceph's.
type Known func(path string, file *host.Handle) error

// ResizeOptions tell what a new size may do.
type ResizeOptions struct {
	Known    Known // nil: no backing file may be read
	Shrink   bool  // what is behind the new end may be lost
	Allocate bool  // what is new gets room at once
}

// A Transfer tells which part of a volume is copied, and how.
type Transfer struct {
	File     string // the other side's name for a shell; empty: standard input or output
	Offset   uint64 // in the volume, bytes
	Length   uint64 // at most so many bytes; 0: all there are
	Sparse   bool   // holes become holes; otherwise zeros
	InUse    bool   // others may be writing to the volume that is read
	Progress host.Progress
}

// Out is the step that copies a file or block device to where an open file stands.
func (t Transfer) Out(path string, to *os.File) host.Download {
	return host.Download{From: host.Source{Path: path, InUse: t.InUse}, To: to, Name: t.File,
		Offset: t.Offset, Length: t.Length, Sparse: t.Sparse, Progress: t.Progress}
}

// In is the step that writes a file into another or into a block device. If whole, that becomes what is written (host.Upload).
func (t Transfer) In(path string, from *os.File, whole bool) host.Upload {
	return host.Upload{From: from, Name: t.File, Path: path, Whole: whole,
		Offset: t.Offset, Length: t.Length, Sparse: t.Sparse, Progress: t.Progress}
}

// Secrets are what encrypted volumes, and pools that need a login, are used with.
type Secrets interface {
	// SecretValue returns the value of a secret. If it is named by its usage, that is of the type given. Errors wrap
	// pooldef.ErrNoSecret or pooldef.ErrNoValue.
	SecretValue(ref pooldef.SecretRef, usageType string) ([]byte, error)
	// SecretFile tells where a shell would find the value: in base64 if the file's name ends in .base64, otherwise as it is.
	SecretFile(ref pooldef.SecretRef, usageType string) string
	// SecretOf returns the secret with a usage, nil if there is none.
	SecretOf(usageType, usage string) (*pooldef.Secret, error)
}

// ErrNoVolume is what Volume, Delete and Rename wrap when there is no such volume.
var ErrNoVolume = fault.New(fault.NotFound, "no such volume")

// An UnsupportedError tells that pools of a type cannot do something.
type UnsupportedError struct {
	Type pooldef.Type
	What string // "pool deletion"; empty: anything, there is no backend
}

func (e *UnsupportedError) Error() string {
	if e.What == "" {
		return fmt.Sprintf("this version of poolctl cannot use pools of type %s yet", e.Type)
	}
	return fmt.Sprintf("pools of type %s do not support %s", e.Type, e.What)
}

// Kind implements [fault.Error].
func (*UnsupportedError) Kind() fault.Kind { return fault.Unsupported }

// An ExternalDataError tells that what a guest sees of a volume is, in part, in files that only its header names. Whoever may write to the
// volume could name any file of the machine there: they are not read, written to or wiped.
type ExternalDataError struct{ Path string }

func (e *ExternalDataError) Error() string {
	return fmt.Sprintf("%q keeps its data in other files, which poolctl does not touch", e.Path)
}

// Kind implements [fault.Error].
func (*ExternalDataError) Kind() fault.Kind { return fault.Unsupported }

// A NotReadyError tells that the place where a pool's volumes would be cannot be used.
type NotReadyError struct {
	Pool  string
	Path  string
	Build bool // there is nothing at Path: building the pool may help
	Start bool // starting the pool would mount it
}

func (e *NotReadyError) Error() string {
	if e.Build {
		return fmt.Sprintf("the directory %q does not exist", e.Path)
	}
	if e.Start {
		return fmt.Sprintf("nothing is mounted at %q", e.Path)
	}
	return fmt.Sprintf("%q must be a mount point, and nothing is mounted there", e.Path)
}

// Kind implements [fault.Error].
func (*NotReadyError) Kind() fault.Kind { return fault.State }

// HintLine implements [fault.Hinter].
func (e *NotReadyError) HintLine() string {
	switch {
	case e.Build:
		return "poolctl pool-build " + host.Quote(e.Pool)
	case e.Start:
		return "poolctl pool-start " + host.Quote(e.Pool)
	}
	return "mount " + host.Quote(e.Path)
}

// As returns the capability C of the backend of type t, or an UnsupportedError that says what is not supported.
func As[C any](b Backend, t pooldef.Type, what string) (C, error) {
	if c, ok := b.(C); ok {
		return c, nil
	}
	var none C
	return none, &UnsupportedError{Type: t, What: what}
}
