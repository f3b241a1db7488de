package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"poolctl/backend/fault"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Capabilities of backends that keep snapshots of volumes. If the volume does not exist, errors wrap
// [ErrNoVolume]; if the snapshot does not exist, they wrap [ErrNoSnapshot].
type (
	// A Snapshotter lists, creates and deletes snapshots.
	Snapshotter interface {
		// Snapshots returns the snapshots of a volume, oldest first. If volume is empty, Snapshots returns those
		// of all volumes of the pool, with as few queries as possible.
		Snapshots(ctx context.Context, p *pooldef.Pool, volume string) ([]*pooldef.Snapshot, error)
		// CreateSnapshot keeps the current state of a volume. If a snapshot has the name, the error wraps
		// fs.ErrExist.
		CreateSnapshot(ctx context.Context, p *pooldef.Pool, volume, name string, o SnapshotOptions) error
		// DeleteSnapshot deletes a snapshot that no clone depends on.
		DeleteSnapshot(ctx context.Context, p *pooldef.Pool, volume, name string) error
	}
	// A Reverter gives a volume the state that a snapshot has kept, and keeps the snapshot. The current state
	// is lost. The volume must not be in use. A RevertToSnapshot that returns a [Warning] has succeeded.
	Reverter interface {
		RevertToSnapshot(ctx context.Context, p *pooldef.Pool, volume, name string, o RevertOptions) error
	}
	// A SnapshotCloner creates the volume v with the data of a snapshot of source. Both are as in [Cloner],
	// and the rules of Cloner apply, except that v may depend on the snapshot unless o.Full is set.
	SnapshotCloner interface {
		CloneSnapshot(
			ctx context.Context, p *pooldef.Pool, v, source *pooldef.Volume, name string, o CloneOptions,
		) error
	}
)

// SnapshotOptions control how a snapshot is created.
type SnapshotOptions struct {
	// InUse permits other processes to be writing to the volume: the snapshot is then the state after a power
	// failure. Storage that keeps snapshots inside the image never permits it.
	InUse bool
	Space uint64 // space for changes in bytes, where it has to be reserved; 0: enough for all changes
}

// CheckNoSpace returns an error if the options reserve space for a snapshot that needs none.
func (o SnapshotOptions) CheckNoSpace(p *pooldef.Pool) error {
	if o.Space == 0 {
		return nil
	}
	return &UnsupportedError{Type: p.Type, What: "reserving space for such a snapshot"}
}

// CheckInUse returns nil for a [BusyError] if the options permit the use, and otherwise says how they would.
func (o SnapshotOptions) CheckInUse(err error) error {
	busy, ok := errors.AsType[*BusyError](err)
	switch {
	case !ok:
		return err
	case o.InUse:
		return nil
	}
	return &StateError{
		Text: busy.Error(),
		Hint: "--in-use creates the snapshot all the same: its data is then as after a power failure",
	}
}

// RevertOptions control what a revert may destroy.
type RevertOptions struct {
	DestroyLater bool // later snapshots, if the storage cannot keep them
	Progress     host.Progress
}

// ErrNoSnapshot is wrapped by errors about a snapshot that does not exist.
var ErrNoSnapshot = fault.New(fault.NotFound, "Snapshot not found")

// A SnapshotExistsError reports that a volume has a snapshot with the name that a new one should get. It
// wraps fs.ErrExist.
type SnapshotExistsError struct{ Volume, Name string }

func (e *SnapshotExistsError) Error() string {
	return fmt.Sprintf("%q has a snapshot %q already", e.Volume, e.Name)
}

// Unwrap returns fs.ErrExist.
func (*SnapshotExistsError) Unwrap() error { return fs.ErrExist }

// Kind implements [fault.Error].
func (*SnapshotExistsError) Kind() fault.Kind { return fault.Conflict }

// CheckSnapshotNew returns an error unless found, the error of a search for the snapshot that is to be
// created, wraps [ErrNoSnapshot]. If the snapshot was found, that is a [SnapshotExistsError].
func CheckSnapshotNew(found error, volume, name string) error {
	switch {
	case found == nil:
		return &SnapshotExistsError{Volume: volume, Name: name}
	case errors.Is(found, ErrNoSnapshot):
		return nil
	}
	return found
}

// NoSnapshot returns an error that wraps [ErrNoSnapshot].
func NoSnapshot(volume, name string) error {
	return fmt.Errorf("%w: %q has no snapshot %q", ErrNoSnapshot, volume, name)
}

// SortSnapshots sorts snapshots by volume, and those of a volume by age, oldest first. Of snapshots of the
// same second, the order stays.
func SortSnapshots(all []*pooldef.Snapshot) {
	slices.SortStableFunc(all, func(s, t *pooldef.Snapshot) int {
		return cmp.Or(pooldef.CompareNames(s.Volume, t.Volume), s.Created.Compare(t.Created))
	})
}

// SnapshotsKeepData returns an error for an attempt to wipe a volume that has snapshots with these names:
// they would keep the data. It returns nil if there are none.
func SnapshotsKeepData(names []string) error {
	if len(names) == 0 {
		return nil
	}
	return &StateError{
		Text: "its snapshots would keep the data: " + strings.Join(names, ", "),
		Hint: "poolctl vol-snapshot-delete deletes them",
	}
}
