// Package backend defines the contract between poolctl's verbs and the pool types.
//
// Every pool type has a package below this one that implements [Backend]: list the volumes of a pool,
// describe one volume, report the pool's state. Every other operation is an optional capability, a small
// interface such as [Starter] or [Creator]. [As] finds the capability of a backend:
//
//	creator, err := backend.As[backend.Creator](b, p.Type, "volume creation")
//
// Backends access the machine only through a host.Host, so that every operation can be traced, printed as a
// dry run, or made to fail in a test. Package backendtest checks each backend against this contract.
package backend

import (
	"context"
	"iter"
	"os"
	"time"

	"poolctl/backend/check"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// A Backend manages the pools of one type. It keeps no state between calls and is safe for concurrent use.
//
// Operations are atomic: an operation that returns an error has undone its changes, also if ctx was
// cancelled. The exceptions are changes that cannot be undone, such as a deletion: they may have happened
// although the operation returns an error.
type Backend interface {
	// Active reports whether the pool's storage can be used now. If the definition can never be used, the
	// error is [pooldef.Problems], and the pool counts as inactive.
	Active(ctx context.Context, p *pooldef.Pool) (bool, error)
	// Space returns the capacity, allocation and available space of an active pool, in bytes. If the pool is
	// not active, the error says why.
	Space(ctx context.Context, p *pooldef.Pool) (pooldef.Space, error)
	// Volumes lists the volumes in the order of pooldef.CompareNames. Each volume has at least its name, key
	// and path, and whatever else the same cheap listing provides. An error ends the listing.
	Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error]
	// Volume returns one volume with all its details. If some details cannot be determined, for example for
	// lack of permission, the volume's Err says why. If the volume does not exist, the error wraps
	// [ErrNoVolume].
	Volume(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error)
}

// Optional capabilities of a backend. [As] finds them.
type (
	// A DefinitionChecker checks whether its type of pool can use a definition. It does not access the
	// machine: storage that is missing may appear later. The error is [pooldef.Problems], or an
	// [UnsupportedError]. Every error that other operations return because of the definition alone is also
	// returned by CheckDefinition, so that a definition that can never be used is refused when it is defined.
	DefinitionChecker interface {
		CheckDefinition(p *pooldef.Pool) error
	}
	// A Dependent names what the start of a pool depends on, by the definition alone. It does not access the
	// machine.
	Dependent interface {
		Dependencies(p *pooldef.Pool) Dependencies
	}
	// A Starter makes a pool's storage usable and reverses that. Pool types whose start changes nothing have
	// no Starter. Storage may also have been made usable by another program (a mount from fstab, for
	// example): Stop leaves it alone unless the pool's Started is set. A Start that returns a [Warning] has
	// succeeded.
	Starter interface {
		Start(ctx context.Context, p *pooldef.Pool) error
		Stop(ctx context.Context, p *pooldef.Pool) error
	}
	// A DegradedStarter starts pools some of whose devices or servers are missing, as far as their data are
	// available. It returns the volumes that are not available, with the reason in Err. Apart from that it is
	// a Start, and its reverse is Stop, if the pool type has one.
	DegradedStarter interface {
		StartDegraded(ctx context.Context, p *pooldef.Pool) (missing []*pooldef.Volume, err error)
	}
	// A Refresher rescans an active pool's storage for new units and changed sizes, and waits as long as
	// their devices usually take to appear. With a positive wait, it waits up to that long for the first
	// device to appear. A Refresh that returns a [Warning] has succeeded.
	Refresher interface {
		Refresh(ctx context.Context, p *pooldef.Pool, wait time.Duration) error
	}
	// A Builder creates a pool's underlying storage.
	Builder interface {
		Build(ctx context.Context, p *pooldef.Pool, o BuildOptions) error
	}
	// A PoolDeleter removes the storage that a Builder created. It refuses to remove storage that contains
	// data.
	PoolDeleter interface {
		DeletePool(ctx context.Context, p *pooldef.Pool) error
	}
	// A Discoverer finds sources that pools could be defined with.
	Discoverer interface {
		Discover(ctx context.Context, spec *pooldef.Source) ([]pooldef.Source, error)
	}
	// A StatusReader returns a copy of an active pool's definition, completed with what the machine reports:
	// permissions, free extents. It does not modify p.
	StatusReader interface {
		ReadStatus(ctx context.Context, p *pooldef.Pool) (*pooldef.Pool, error)
	}
	// A NameLister lists the same volumes as Volumes, with nothing but their names, keys and paths, in the
	// memory of one volume: each is valid until the next.
	NameLister interface {
		Names(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error]
	}
	// A DetailLister lists the same volumes as Volumes, with sizes and formats. If the details of one volume
	// cannot be determined, that volume's Err says why.
	DetailLister interface {
		Details(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error]
	}
	// A Networker describes how guests reach an image that is not a file or device of this machine. path is the
	// path of a volume of the pool, or of an image that is in the same storage. The query asks no server.
	Networker interface {
		NetworkSource(p *pooldef.Pool, path string) (*pooldef.NetworkSource, error)
	}
	// A PermissionSetter gives the directory of a pool, which must exist and, if starting the pool mounts it,
	// be mounted, the owner, group and mode of the definition.
	PermissionSetter interface {
		SetPermissions(ctx context.Context, p *pooldef.Pool) error
	}
	// A Locator returns the name of the volume that a path or key denotes. It neither lists the pool nor
	// checks that the volume exists.
	Locator interface {
		Locate(ctx context.Context, p *pooldef.Pool, pathOrKey string) (name string, ok bool)
	}
	// A BackingChainer follows a volume's backing files to the end of the chain.
	BackingChainer interface {
		// Chain returns the images below a volume, nearest first. The result is never nil; it is empty if the
		// volume has no backing file. Each image has its path, format, sizes, permissions and times. An image
		// that is neither a file nor a device of this host has the type network; it ends the chain, and its
		// path is the reference recorded in its overlay. If an image cannot be read, it is the last one, and
		// the error says why.
		Chain(ctx context.Context, p *pooldef.Pool, name string) ([]*pooldef.Volume, error)
	}
	// A Creator creates volumes. If the name is in use, also by a volume that another process is creating,
	// the error wraps fs.ErrExist. A new volume becomes visible only when it is complete, even if the process
	// that creates it is killed. A Create that returns a [Warning] has succeeded.
	Creator interface {
		Create(ctx context.Context, p *pooldef.Pool, v *pooldef.Volume, o CreateOptions) error
	}
	// A Deleter deletes volumes. If the volume does not exist, the error wraps [ErrNoVolume].
	Deleter interface {
		Delete(ctx context.Context, p *pooldef.Pool, name string) error
	}
	// A SnapshotDeleter deletes a volume together with the snapshots that depend on it.
	SnapshotDeleter interface {
		DeleteWithSnapshots(ctx context.Context, p *pooldef.Pool, name string) error
	}
	// A Renamer renames a volume within its pool, atomically: at any time the volume exists under exactly one
	// of the two names. If the volume does not exist, the error wraps [ErrNoVolume]; if the new name is in
	// use, the error wraps fs.ErrExist. Images that name the volume as their backing file are not updated.
	Renamer interface {
		Rename(ctx context.Context, p *pooldef.Pool, name, newName string) error
	}
	// An Exporter makes a volume that is not on this machine available as a local file, for the lifetime of
	// this process. Volumes of gluster pools are an example.
	Exporter interface {
		Export(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error)
		// ExternalPath returns the path or URI of an exported file as other programs know the file. Any other
		// path is returned unchanged.
		ExternalPath(ctx context.Context, p *pooldef.Pool, path string) string
	}
	// A Cloner creates volumes with the data of another volume, of any pool: a file or block device of this
	// machine, or a volume of the backend's own type, described as Volume describes it. The source is only
	// read. The rules of [Creator] apply.
	//
	// The new volume does not depend on its source, and data from the source's backing file are copied. The
	// exceptions are clusters whose volumes share data, unless Full is set.
	Cloner interface {
		Clone(ctx context.Context, p *pooldef.Pool, v, source *pooldef.Volume, o CloneOptions) error
	}
	// A Resizer changes a volume's capacity to size bytes, rounded up as when a volume is created. If the
	// volume has this size already ([HasSize]), Resize succeeds and changes nothing. Otherwise, a smaller size
	// needs permission ([ResizeOptions.CheckShrink]).
	Resizer interface {
		Resize(ctx context.Context, p *pooldef.Pool, name string, size uint64, o ResizeOptions) error
	}
	// An ImageChecker compares the metadata of an image with each other, and repairs them: leaks, all, or
	// nothing if repair is empty. It returns what is wrong afterwards; in a dry run, what is wrong now. It
	// refuses an image that another process may be writing to.
	ImageChecker interface {
		CheckImage(ctx context.Context, p *pooldef.Pool, name, repair string) (Damage, error)
	}
	// A Trimmer deallocates the parts of a volume that contain only zeros. The volume's data do not change. It
	// refuses a volume that another process may be writing to.
	Trimmer interface {
		Trim(ctx context.Context, p *pooldef.Pool, name string, progress host.Progress) error
	}
	// A Wiper overwrites or discards a volume's data by one of the algorithms of host.Wipe, so that the old
	// data cannot be read from the volume.
	Wiper interface {
		Wipe(ctx context.Context, p *pooldef.Pool, name, algorithm string, progress host.Progress) error
	}
	// An Uploader writes data into a volume. Data that do not fit are refused, before the first byte is
	// written if the amount is known.
	Uploader interface {
		Upload(ctx context.Context, p *pooldef.Pool, name string, from *os.File, t Transfer) error
	}
	// A Downloader writes a volume's data to a file, starting at the file's current offset.
	Downloader interface {
		Download(ctx context.Context, p *pooldef.Pool, name string, to *os.File, t Transfer) error
	}
	// An ImageFiller writes the data of a volume that is on a server to a new, empty image at a path. The image
	// is at least as large as the volume.
	ImageFiller interface {
		FillImage(ctx context.Context, p *pooldef.Pool, name, path, format string, o CloneOptions) error
	}
	// A TransferFinder returns a volume as Volume does, and at the same time queries what Upload, Download and
	// Wipe need to know beyond that, so that the data need not wait for a second query.
	TransferFinder interface {
		VolumeToTransfer(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error)
	}
	// An ActiveChecker reports whether its volume operations check themselves that the pool can be used, and
	// fail with the errors of Active. If so, the caller need not call Active before an operation on a started
	// pool, which saves the time of one query.
	ActiveChecker interface{ ChecksActive() bool }
	// A Checker reports what may be wrong with an active pool, beyond what the other methods show: figures of
	// its storage and failures of a part of it, also those that are all right. volumes are what Details has
	// returned. Check asks the machine at most one question more than a listing, and changes nothing.
	Checker interface {
		Check(ctx context.Context, p *pooldef.Pool, volumes []*pooldef.Volume) ([]check.Finding, error)
	}
	// A SpaceChecker returns a pool's space as Space does, and what Checker would report, with one question.
	SpaceChecker interface {
		CheckSpace(ctx context.Context, p *pooldef.Pool) (pooldef.Space, []check.Finding, error)
	}
	// A StaleFinder returns the names of what RemoveStale would remove. Where only the age shows that it is no
	// longer needed, it is more than an hour old.
	StaleFinder interface {
		FindStale(ctx context.Context, p *pooldef.Pool) ([]string, error)
	}
	// A ToolUser returns the programs that a pool cannot be started or listed without.
	ToolUser interface {
		Tools(p *pooldef.Pool) []string
	}
	// A StartCleaner removes what is left of a Start that was killed before the pool was active.
	StartCleaner interface {
		CleanUp(ctx context.Context, p *pooldef.Pool) error
	}
	// A StaleRemover removes the leftovers of killed poolctl processes from a pool (staging directories,
	// temporary objects) and returns their names. Objects that a running process is creating stay.
	StaleRemover interface {
		RemoveStale(ctx context.Context, p *pooldef.Pool) ([]string, error)
	}
)

// Secrets provides the secrets of encrypted volumes and of pools that need a login.
type Secrets interface {
	// SecretValue returns the value of a secret. A secret that ref names by its usage must have the given
	// usage type. Errors wrap pooldef.ErrNoSecret or pooldef.ErrNoValue.
	SecretValue(ref pooldef.SecretRef, usageType string) ([]byte, error)
	// SecretFile returns the file from which a shell could read the value, for dry runs. The content is
	// base64 if the file's name ends in .base64, and the value itself otherwise. A value that libvirt has
	// encrypted (.aes256cbc) has no such file: nothing decrypts it in a shell without showing the key.
	SecretFile(ref pooldef.SecretRef, usageType string) string
	// SecretOf returns the secret with the given usage, or nil if no such secret exists.
	SecretOf(usageType, usage string) (*pooldef.Secret, error)
}

// As returns the capability C of a backend. If b does not implement C, the error is an [UnsupportedError]
// with type t and the operation what, such as "volume creation".
func As[C any](b Backend, t pooldef.Type, what string) (C, error) {
	if c, ok := b.(C); ok {
		return c, nil
	}
	var none C
	return none, &UnsupportedError{Type: t, What: what}
}
