// Package backendtest holds what every backend has to do, as tests that each backend runs against its real service.
//
// What a backend can do beside listing is found by backend.As; what it cannot, has to be refused as unsupported. The words that
// the tests use are those of package backend.
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

// Options tell where and with what a backend is tested.
type Options struct {
	New  func(h host.Host) backend.Backend
	Host host.Host // nil: this machine
	// Pool returns a pool that has not been built or started, in storage that is new and its own, and has t clean that up. All that
	// takes time belongs in here, and nothing in front of Run: the test is run again in processes that are to be killed.
	Pool  func(t *testing.T) *pooldef.Pool
	Build backend.BuildOptions
	// Snapshot prints all that must not have changed when an operation has failed: the storage with the pool and what is in
	// it, and what is beside it, whether the pool is built and active or not.
	Snapshot func(t *testing.T, p *pooldef.Pool) string

	// Volume defines a volume as pools of this type can make it. Without a Creator it is not needed.
	Volume func(name string, size uint64) *pooldef.Volume
	Sizes  []uint64 // that volumes can have; the first is taken where the size does not matter
	Unit   uint64   // a volume's capacity is its size rounded up to a multiple of this; 0: its size
	// OnlyGrow says that volumes cannot be made smaller, and that those that are there cannot be given room.
	OnlyGrow bool
	// Source defines a volume that is cloned to make such a volume; nil: Volume.
	Source func(name string, size uint64) *pooldef.Volume
	// Encode makes of what a guest is to see of a volume of a format what has to be uploaded for that, Decode the reverse; nil: it is
	// the same. A volume that needs this becomes what is uploaded, whatever that one's size.
	Encode, Decode func(t testing.TB, format string, data []byte) []byte
	// Allowed and Refused are names that have to work, and that have to be refused. They and the suite's own hostile names must
	// in any case do one or the other wholly.
	Allowed, Refused []string
	// Slow says that operations take long here, so that fewer are tried unless Exhaustive is true: hostile names only where volumes are
	// made, every third of what is uploaded and downloaded, and not all faults.
	Slow bool
	// Unsupported are volumes that pools of this type cannot have.
	Unsupported []*pooldef.Volume
	// Cannot are the parts of the suite that this storage cannot pass, and why.
	Cannot map[string]string
	// Elsewhere are the parts in which another test runs the same code, and which test that is. They run where Exhaustive is true.
	Elsewhere map[string]string
	// Apart says that parts may run at the same time: no part sees the pool of another, neither in its storage nor in a Snapshot, and
	// nobody asks the kernel who has a file open. (A program that another part starts has all files of this process open until it runs.)
	Apart bool
	// Parts are those that are wanted; none: all.
	Parts []string
	// Existing is how many volumes there are in a pool where none can be made.
	Existing int
}

// The parts of the suite in which a change fails, or a process is killed: while pools change, and while volumes do.
var (
	PoolFaults   = []string{"PoolFaults", "KilledPool"}
	VolumeFaults = []string{"VolumeFaults", "RenameFaults", "CloneFaults", "ResizeFaults", "Killed", "KilledDeleting", "KilledCloning"}
	Faults       = slices.Concat(PoolFaults, VolumeFaults)
)

// Requests are the parts about names, rivals and what is refused, in which the storage below makes no difference.
var Requests = []string{"Names", "Renaming", "RenamingTogether", "Unsupported", "Together", "CloningTogether"}

// Because gives parts of the suite one reason, for Options.
func Because(why string, parts ...string) map[string]string {
	reasons := map[string]string{}
	for _, part := range parts {
		reasons[part] = why
	}
	return reasons
}

// Exhaustive reports whether every part of the suite runs for every pool type, which POOLCTL_TEST_EXHAUSTIVE asks for.
func Exhaustive() bool { return os.Getenv("POOLCTL_TEST_EXHAUSTIVE") != "" }

// Long ends a test that scripts/test --quick has no time for.
func Long(t testing.TB, what string) {
	t.Helper()
	if testing.Short() {
		t.Skip("LEFT OUT with --quick: " + what)
	}
}

// Run tests a backend.
func Run(t *testing.T, o Options) {
	if o.Host == nil {
		o.Host = &host.Local{}
	}
	if dieIfAsked(o) {
		return
	}
	Long(t, "the conformance suite")
	o.Slow = o.Slow && !Exhaustive()
	for _, part := range []struct {
		name  string
		check func(*suite)
	}{
		{"Lifecycle", (*suite).lifecycle},
		{"Listing", (*suite).listing},
		{"Volumes", (*suite).volumes},
		{"Sizes", (*suite).sizes},
		{"Names", (*suite).names},
		{"Renaming", (*suite).renaming},
		{"RenamingTogether", (*suite).renamingTogether},
		{"Unsupported", (*suite).unsupported},
		{"Together", (*suite).together},
		{"Cloning", (*suite).cloning},
		{"CloningTogether", (*suite).cloningTogether},
		{"Resizing", (*suite).resizing},
		{"Transfers", (*suite).transfers},
		{"Wiping", (*suite).wiping},
		{"PoolFaults", (*suite).poolFaults},
		{"VolumeFaults", (*suite).volumeFaults},
		{"RenameFaults", (*suite).renameFaults},
		{"CloneFaults", (*suite).cloneFaults},
		{"ResizeFaults", (*suite).resizeFaults},
		{"Killed", func(s *suite) { s.killed(t.Name(), "create") }},
		{"KilledDeleting", func(s *suite) { s.killedDeleting(t.Name()) }},
		{"KilledPool", func(s *suite) { s.killedPool(t.Name()) }},
		{"KilledCloning", func(s *suite) { s.killed(t.Name(), "clone") }},
	} {
		if o.Parts != nil && !slices.Contains(o.Parts, part.name) {
			continue
		}
		t.Run(part.name, func(t *testing.T) {
			if why := o.Cannot[part.name]; why != "" {
				t.Skip(why)
			}
			if why := o.Elsewhere[part.name]; why != "" && !Exhaustive() {
				t.Skip("LEFT OUT without --exhaustive: " + why)
			}
			if o.Apart {
				t.Parallel()
			}
			part.check(&suite{T: t, Options: o, b: o.New(o.Host), pool: o.Pool(t)})
		})
	}
}

// A suite is one part of the tests, with a pool of its own.
type suite struct {
	*testing.T
	Options
	b     backend.Backend // on a host without faults
	pool  *pooldef.Pool
	whole string // how a volume is described that is finished
}

// ok ends the test if there is an error.
func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// needs returns a capability of the backend. A part of the suite ends where the backend has none, having been told so properly.
func needs[C any](s *suite) C {
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
	unsupported := (*backend.UnsupportedError)(nil)
	return errors.As(err, &unsupported)
}

// ready builds and starts the pool.
func (s *suite) ready() {
	s.Helper()
	if b, ok := s.b.(backend.Builder); ok {
		s.ok(b.Build(s.Context(), s.pool, s.Build))
	}
	if _, ok := s.b.(backend.Starter); ok {
		s.ok(s.start(s.Context(), s.b))
		s.Cleanup(func() { _ = s.stop(context.Background(), s.b) })
	}
}

// start starts the pool as the verbs do, which record that.
func (s *suite) start(ctx context.Context, b backend.Backend) error {
	err := b.(backend.Starter).Start(ctx, s.pool)
	s.pool.Started = s.pool.Started || err == nil
	return err
}

// stop stops the pool as the verbs do.
func (s *suite) stop(ctx context.Context, b backend.Backend) error {
	err := b.(backend.Starter).Stop(ctx, s.pool)
	s.pool.Started = s.pool.Started && err != nil
	return err
}

// state returns all that must not change, once what may be left half-made has been swept.
func (s *suite) state() string {
	s.Helper()
	s.sweep()
	return s.Snapshot(s.T, s.pool)
}

// sweep removes what is left half-made, and tells what. In a pool that is not active there may be nothing to look at.
func (s *suite) sweep() []string {
	s.Helper()
	b, ok := s.b.(backend.Sweeper)
	if !ok {
		return nil
	}
	swept, err := b.Sweep(s.Context(), s.pool)
	if err != nil && s.active() {
		s.Fatal(err)
	}
	return swept
}

// clean fails the test if an operation has left something half-made that had no reason to.
func (s *suite) clean(when string) {
	s.Helper()
	if swept := s.sweep(); len(swept) > 0 {
		s.Errorf("%s: left behind is %q", when, swept)
	}
}

func (s *suite) active() bool {
	s.Helper()
	active, err := s.b.Active(s.Context(), s.pool)
	s.ok(err)
	return active
}

// same fails the test if the state is not what it was.
func (s *suite) same(before, when string) {
	s.Helper()
	if s.Snapshot(s.T, s.pool) == before { // nothing to sweep
		return
	}
	if after := s.state(); after != before {
		s.Fatalf("%s: there was\n%s\nthere is\n%s", when, before, after)
	}
}

// volume defines a volume whose size does not matter.
func (s *suite) volume(name string) *pooldef.Volume { return s.Volume(name, s.Sizes[0]) }

// create makes a volume that has to work.
func (s *suite) create(name string) {
	s.Helper()
	s.ok(needs[backend.Creator](s).Create(s.Context(), s.pool, s.volume(name), backend.CreateOptions{}))
	s.clean("created " + short(name))
}

// remove deletes a volume that is there.
func (s *suite) remove(name string) {
	s.Helper()
	s.ok(needs[backend.Deleter](s).Delete(s.Context(), s.pool, name))
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

// short is how a name appears in messages.
func short(name string) string {
	if len(name) > 60 {
		return strings.Repeat(name[:1], 8) + "..."
	}
	return name
}
