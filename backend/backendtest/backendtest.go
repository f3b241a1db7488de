// Package backendtest is the conformance suite: the tests that every backend must pass, against its real
// service.
//
// [Run] runs the suite. A backend's capabilities are found with backend.As; an operation that the backend
// does not support must fail with a backend.UnsupportedError. Every operation is also tested with a fault at
// each step, and in processes that are killed at each step.
//
// The package also contains helpers for the backends' own tests: [Golden] compares the commands that an
// operation runs with a recording, [SysTree] is an artificial /sys, and [Main], [Mount] and [Loop] provide
// mounts and block devices.
package backendtest

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Options describe the backend under test and its storage.
type Options struct {
	New  func(h host.Host) backend.Backend
	Host host.Host // nil: this machine
	// Pool returns a pool that is neither built nor started, in new storage of its own, and registers the
	// cleanup with t. Preparations that take time belong here, not before the call of Run: processes that are
	// to be killed run the test function again.
	Pool  func(t *testing.T) *pooldef.Pool
	Build backend.BuildOptions
	// Snapshot prints everything that a failed operation must leave unchanged: the storage, the pool and its
	// volumes, and their surroundings. It must work for pools that are not built or not active.
	Snapshot func(t *testing.T, p *pooldef.Pool) string

	// Volume defines a volume that pools of this type can create. Backends without a Creator do not need it.
	Volume func(name string, size uint64) *pooldef.Volume
	Sizes  []uint64 // valid sizes of volumes; the first is used where the size does not matter
	Unit   uint64   // capacities are rounded up to a multiple of this; 0: not rounded
	// Passphrase is the secret of encrypted volumes, which New's backends know; empty: pools of this type
	// cannot create any.
	Passphrase string
	// OnlyGrow means that volumes cannot shrink, and that a resize cannot allocate space.
	OnlyGrow bool
	// Source defines a volume that can be cloned to a volume of Volume; nil: Volume does.
	Source func(name string, size uint64) *pooldef.Volume
	// Encode converts a guest's view of a volume to the image that has to be uploaded; Decode is the reverse.
	// nil: image and guest's view are the same. An upload replaces such a volume completely, whatever the
	// size of the image.
	Encode, Decode func(t testing.TB, format string, data []byte) []byte
	// Allowed and Refused are names that must be accepted, and names that must be refused. The suite adds
	// hostile names of its own, which must be either accepted or refused completely.
	Allowed, Refused []string
	// Slow means that operations take long. Unless Exhaustive is true, the suite then tries less: hostile
	// names only when creating volumes, every third upload and download, each capacity once, few operations
	// at the same time, and not all faults.
	Slow bool
	// Cached means that the host caches the results of queries until something changes, as in a command. It
	// does not apply to parts in which commands run at the same time.
	Cached bool
	// Unsupported are volumes that pools of this type do not support.
	Unsupported []*pooldef.Volume
	// Cannot maps the parts of the suite that this storage cannot pass to the reason.
	Cannot map[string]string
	// Elsewhere maps the parts whose code another test also runs to the name of that test. These parts run
	// only if Exhaustive is true.
	Elsewhere map[string]string
	// Parallel means that parts can run in parallel: no part sees the pool of another, neither in its storage
	// nor in a Snapshot, and no part asks the kernel which processes have a file open. (A program that
	// another part starts holds all open files of this process until its exec.)
	Parallel bool
	// Parts are the parts to run; nil: all.
	Parts []string
	// RevertDestroys means that reverting to a snapshot destroys later snapshots.
	RevertDestroys bool
	// SeesSnapshots means that Snapshot shows the snapshots of volumes, too, and is the same as before when a
	// snapshot has been created and deleted.
	SeesSnapshots bool
	// Existing is the number of volumes in a pool of a type that cannot create any.
	Existing int
	// Move moves the volume v from one pool to another, with backends on the host h: drivertest.Move. nil: the
	// part Moving does not run.
	Move func(
		ctx context.Context, h host.Host, newBackend func(host.Host) backend.Backend, from, to *pooldef.Pool,
	) error
	// Sibling returns another active pool of the same storage, into which a volume moves without a copy; nil:
	// there is none.
	Sibling func(t *testing.T, p *pooldef.Pool) *pooldef.Pool

	target *pooldef.Pool // the destination of the move of a crash plan
}

// The parts of the suite that inject faults or kill processes, during operations on pools and on volumes.
var (
	PoolFaults   = []string{"PoolFaults", "KilledPool"}
	VolumeFaults = []string{"VolumeFaults", "RenameFaults", "CloneFaults", "ResizeFaults", "Killed",
		"KilledDeleting", "KilledCloning", "SnapshotFaults", "SnapshotCloneFaults", "RevertFaults",
		"KilledSnapshots", "FlattenFaults", "KilledFlattening"}
	Faults = slices.Concat(PoolFaults, VolumeFaults)
)

// Requests are the parts about names, concurrency and refusals, whose results do not depend on the underlying
// storage.
var Requests = []string{"Names", "Renaming", "RenamingTogether", "Unsupported", "Together", "CloningTogether"}

// StagedFaults are parts whose changes other parts have for storage where a new volume, empty or not, is made
// under a temporary name, and where a deletion is one change: CloneFaults and KilledCloning.
var StagedFaults = []string{"VolumeFaults", "Killed", "KilledDeleting"}

// Because maps each of the parts to the same reason, for Options.Cannot and Options.Elsewhere.
func Because(why string, parts ...string) map[string]string {
	reasons := map[string]string{}
	for _, part := range parts {
		reasons[part] = why
	}
	return reasons
}

// Exhaustive reports whether every part of the suite is to run for every pool type (POOLCTL_TEST_EXHAUSTIVE).
func Exhaustive() bool { return os.Getenv("POOLCTL_TEST_EXHAUSTIVE") != "" }

// Long skips a test that takes too long for scripts/test --quick.
func Long(t testing.TB, what string) {
	t.Helper()
	if testing.Short() {
		t.Skip("LEFT OUT with --quick: " + what)
	}
}

// A part is a part of the suite.
type part struct {
	name  string
	check func(*suite)
}

// parts are the parts of the suite, in the order in which they run.
var parts = []part{
	{"Lifecycle", (*suite).testLifecycle},
	{"Listing", (*suite).testListing},
	{"Volumes", (*suite).testVolumes},
	{"Sizes", (*suite).testSizes},
	{"Names", (*suite).testNames},
	{"Renaming", (*suite).testRenaming},
	{"RenamingTogether", (*suite).testConcurrentRenaming},
	{"Unsupported", (*suite).testUnsupported},
	{"Together", (*suite).testConcurrentCreation},
	{"Cloning", (*suite).testCloning},
	{"CloningTogether", (*suite).testConcurrentCloning},
	{"Resizing", (*suite).testResizing},
	{"Transfers", (*suite).testTransfers},
	{"Wiping", (*suite).testWiping},
	{"Trimming", (*suite).testTrimming},
	{"PoolFaults", (*suite).testPoolFaults},
	{"VolumeFaults", (*suite).testVolumeFaults},
	{"RenameFaults", (*suite).testRenameFaults},
	{"CloneFaults", (*suite).testCloneFaults},
	{"ResizeFaults", (*suite).testResizeFaults},
	{"Killed", func(s *suite) { s.testKilled(s.test, "create") }},
	{"KilledDeleting", func(s *suite) { s.testKilledDeleting(s.test) }},
	{"KilledPool", func(s *suite) { s.testKilledPool(s.test) }},
	{"KilledCloning", func(s *suite) { s.testKilled(s.test, "clone") }},
	{"Snapshots", (*suite).testSnapshots},
	{"SnapshotFaults", (*suite).testSnapshotFaults},
	{"SnapshotCloneFaults", (*suite).testSnapshotCloneFaults},
	{"RevertFaults", (*suite).testRevertFaults},
	{"KilledSnapshots", func(s *suite) { s.testKilledSnapshots(s.test) }},
	{"FlattenFaults", (*suite).testFlattenFaults},
	{"KilledFlattening", func(s *suite) { s.testKilledFlattening(s.test) }},
	{"Moving", func(s *suite) { s.testMoving(s.test) }},
}

// Run tests a backend.
func Run(t *testing.T, o Options) {
	if o.Host == nil {
		o.Host = &host.Local{}
	}
	if runCrashPlan(o) {
		return
	}
	Long(t, "the conformance suite")
	o.Slow = o.Slow && !Exhaustive()
	test := t.Name()
	for _, part := range parts {
		if o.Parts != nil && !slices.Contains(o.Parts, part.name) {
			continue
		}
		t.Run(part.name, func(t *testing.T) {
			if why := o.Cannot[part.name]; why != "" {
				t.Skip(why)
			}
			if o.Move == nil && part.name == "Moving" {
				t.Skip("another test has it")
			}
			if why := o.Elsewhere[part.name]; why != "" && !Exhaustive() {
				t.Skip("LEFT OUT without --exhaustive: " + why)
			}
			if o.Parallel {
				t.Parallel()
			}
			o := o
			if o.Cached {
				o.Host = &host.CachedHost{Host: o.Host}
			}
			part.check(&suite{T: t, Options: o, test: test, b: o.New(o.Host), pool: o.Pool(t)})
		})
	}
}

// A suite runs one part of the tests, with a pool of its own.
type suite struct {
	*testing.T
	Options
	test     string          // the name of the test that called Run
	b        backend.Backend // on a host without faults
	pool     *pooldef.Pool
	complete string // the description (describe) of a complete volume
}

// withoutCache makes the backend query the machine each time: commands that run at the same time share no
// cache.
func (s *suite) withoutCache() {
	if cached, ok := s.Host.(*host.CachedHost); ok {
		s.b = s.New(cached.Host)
	}
}

// ok fails the test if err is not nil.
func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// requireCapability returns a capability of the backend. If the backend does not have it, the part is
// skipped; the error must be a backend.UnsupportedError.
func requireCapability[C any](s *suite) C {
	s.Helper()
	c, err := backend.As[C](s.b, s.pool.Type, "what is tested here")
	if err != nil {
		if !isUnsupported(err) {
			s.Fatalf("got error %v", err)
		}
		s.Skip(err)
	}
	return c
}

func isUnsupported(err error) bool {
	_, ok := errors.AsType[*backend.UnsupportedError](err)
	return ok
}

// setUpPool builds and starts the pool.
func (s *suite) setUpPool() {
	s.Helper()
	if b, ok := s.b.(backend.Builder); ok {
		s.ok(b.Build(s.Context(), s.pool, s.Build))
	}
	if _, ok := s.b.(backend.Starter); ok {
		s.ok(s.start(s.Context(), s.b))
		s.Cleanup(func() { _ = s.stop(context.Background(), s.b) })
	}
}

// start starts the pool and records that it is started, as the verbs do.
func (s *suite) start(ctx context.Context, b backend.Backend) error {
	err := b.(backend.Starter).Start(ctx, s.pool)
	s.pool.Started = s.pool.Started || err == nil
	return err
}

// stop stops the pool and records that it is stopped, as the verbs do.
func (s *suite) stop(ctx context.Context, b backend.Backend) error {
	err := b.(backend.Starter).Stop(ctx, s.pool)
	s.pool.Started = s.pool.Started && err != nil
	return err
}

// state removes leftovers and returns a snapshot of everything that must not change.
func (s *suite) state() string {
	s.Helper()
	s.removeStale()
	return s.Snapshot(s.T, s.pool)
}

// removeStale removes leftovers and returns their names. An error is ignored if the pool is not active: there
// may be nothing to inspect.
func (s *suite) removeStale() []string {
	s.Helper()
	b, ok := s.b.(backend.StaleRemover)
	if !ok {
		return nil
	}
	stale, err := b.RemoveStale(s.Context(), s.pool)
	if err != nil && s.active() {
		s.Fatal(err)
	}
	return stale
}

// checkNoLeftovers fails the test if an operation left something behind although nothing prevented it from
// cleaning up.
func (s *suite) checkNoLeftovers(when string) {
	s.Helper()
	if stale := s.removeStale(); len(stale) > 0 {
		s.Errorf("%s: left behind: %q", when, stale)
	}
}

func (s *suite) active() bool {
	s.Helper()
	active, err := s.b.Active(s.Context(), s.pool)
	s.ok(err)
	return active
}

// checkUnchanged fails the test if the state is not the same as before.
func (s *suite) checkUnchanged(before, when string) {
	s.Helper()
	if s.Snapshot(s.T, s.pool) == before { // no leftovers to remove
		return
	}
	if after := s.state(); after != before {
		s.Fatalf("%s: before\n%s\nafter\n%s", when, before, after)
	}
}

// defineVolume defines a volume of the default size.
func (s *suite) defineVolume(name string) *pooldef.Volume { return s.Volume(name, s.Sizes[0]) }

// create creates a volume, and fails the test if that does not work.
func (s *suite) create(name string) {
	s.Helper()
	s.ok(requireCapability[backend.Creator](s).Create(s.Context(), s.pool, s.defineVolume(name),
		backend.CreateOptions{}))
	s.checkNoLeftovers("create " + shorten(name))
}

// remove deletes an existing volume.
func (s *suite) remove(name string) {
	s.Helper()
	s.ok(requireCapability[backend.Deleter](s).Delete(s.Context(), s.pool, name))
}

// list returns the names of all volumes.
func (s *suite) list() []string {
	s.Helper()
	names := []string{}
	for v, err := range s.b.Volumes(s.Context(), s.pool) {
		s.ok(err)
		names = append(names, v.Name)
	}
	return names
}

// shorten shortens a name for messages.
func shorten(name string) string {
	if len(name) > 60 {
		return strings.Repeat(name[:1], 8) + "..."
	}
	return name
}
