package backendtest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync/atomic"

	"poolctl/backend"
	"poolctl/pooldef"
)

// defineClone defines a clone of source, of the same capacity.
func (o Options) defineClone(source *pooldef.Volume, name string) *pooldef.Volume {
	return o.Volume(name, source.Capacity.Bytes)
}

// cloneOptions returns options for a clone that does not depend on its source.
func (o Options) cloneOptions(p *pooldef.Pool) backend.CloneOptions {
	return backend.CloneOptions{Full: true, From: p}
}

// setUpSource sets up the pool and creates a volume to clone, full of data. Cloning a volume without data
// must be refused; the test ends there.
func (s *suite) setUpSource(name string) (v *pooldef.Volume, data []byte) {
	s.Helper()
	cloner := requireCapability[backend.Cloner](s)
	s.setUpPool()
	define := s.Volume
	if s.Source != nil {
		define = s.Source
	}
	s.ok(requireCapability[backend.Creator](s).Create(s.Context(), s.pool, define(name, s.Sizes[0]),
		backend.CreateOptions{}))
	if v = s.lookUp(name); !hasData(v) {
		state := s.state()
		s.checkUnsupported(cloner.Clone(s.Context(), s.pool, s.defineClone(v, "v"), v,
			s.cloneOptions(s.pool)), state, "clone a volume without data")
		s.Skip("volumes of this type have no data to clone")
	}
	data = s.fill(name, 1)
	v, err := exportVolume(s.Context(), s.b, s.pool, name)
	s.ok(err)
	return v, data
}

// exportVolume returns a volume in the form that a Cloner expects.
func exportVolume(ctx context.Context, b backend.Backend, p *pooldef.Pool,
	name string) (*pooldef.Volume, error) {
	if exporter, ok := b.(backend.Exporter); ok {
		return exporter.Export(ctx, p, name)
	}
	return b.Volume(ctx, p, name)
}

// testCloning clones a volume. The clone must match its definition and have the source's data, source and
// clone must be independent, and the source must not change.
func (s *suite) testCloning() {
	source, data := s.setUpSource("source")
	cloner := s.b.(backend.Cloner)
	before := s.state()
	clone := func(d *pooldef.Volume) error {
		return cloner.Clone(s.Context(), s.pool, d, source, s.cloneOptions(s.pool))
	}
	s.ok(clone(s.defineClone(source, "v")))
	s.checkNoLeftovers("after cloning")
	v := s.lookUp("v")
	s.checkDefinition(v, s.defineClone(source, "v"))
	if v.Capacity != source.Capacity || v.Backing != nil {
		s.Errorf("got clone %+v of %+v", *v, *source)
	}
	s.checkData("v", data, "after cloning")
	both := s.state()
	for _, taken := range []string{"v", "source"} {
		if err := clone(s.defineClone(source, taken)); !errors.Is(err, fs.ErrExist) {
			s.Errorf("name in use: got error %v, want fs.ErrExist", err)
		}
		s.checkUnchanged(both, "name in use")
	}
	s.remove("v")
	s.checkUnchanged(before, "after cloning and deleting the clone")
	s.checkCloneSizes(clone, source, data)
	s.checkUnchanged(before, "after cloning to other sizes")
	s.checkCloneNames(clone, source)
	s.checkIndependent(clone, source, data)
}

// checkCloneSizes clones into larger volumes, and into smaller ones, which must be refused.
func (s *suite) checkCloneSizes(clone func(*pooldef.Volume) error, source *pooldef.Volume, data []byte) {
	s.Helper()
	size := source.Capacity.Bytes
	same, larger := s.defineClone(source, "same"), s.Volume("larger", 2*size)
	same.Capacity = pooldef.Size{}
	for _, d := range []*pooldef.Volume{same, larger} {
		s.ok(clone(d))
		s.checkData(d.Name, data, d.Name)
		if got, want := s.lookUp(d.Name).Capacity.Bytes, s.roundUp(max(size, d.Capacity.Bytes)); got != want {
			s.Errorf("%s: got capacity %d, want %d", d.Name, got, want)
		}
		s.remove(d.Name)
	}
	state := s.state()
	s.checkRefused(clone(s.Volume("smaller", size/2)), state, "clone to a smaller volume")
}

// checkCloneNames creates clones with all names. Slow storage tries only the names that must be refused: a
// clone gets its name as a new volume does.
func (s *suite) checkCloneNames(clone func(*pooldef.Volume) error, source *pooldef.Volume) {
	s.Helper()
	before, names := s.state(), s.allNames(true)
	if s.Slow {
		names = s.Refused
	}
	for _, name := range names {
		err := clone(s.defineClone(source, name))
		switch {
		case err == nil && slices.Contains(s.Refused, name):
			s.Errorf("%q was accepted, want a refusal", shorten(name))
		case err != nil && slices.Contains(s.Allowed, name):
			s.Errorf("%q was refused: %v", shorten(name), err)
		}
		if err == nil {
			s.lookUp(name)
			s.remove(name)
		}
	}
	s.checkUnchanged(before, "after cloning to all names and deleting the clones")
}

// checkIndependent writes into a source and its clone: neither may see the other's data.
func (s *suite) checkIndependent(clone func(*pooldef.Volume) error, source *pooldef.Volume, data []byte) {
	s.Helper()
	s.ok(clone(s.defineClone(source, "v")))
	s.ok(clone(s.defineClone(source, "w")))
	other := s.fill("v", 2)
	s.checkData("source", data, "after writing to the clone")
	if third := s.fill("source", 3); bytes.Equal(third, other) {
		s.Fatal("the two patterns are equal")
	}
	s.checkData("v", other, "after writing to the source")
	s.remove("source")
	s.checkData("w", data, "after deleting the source")
}

// testConcurrentCloning creates clones with the same name concurrently: exactly one must succeed.
func (s *suite) testConcurrentCloning() {
	s.withoutCache()
	source, data := s.setUpSource("source")
	cloner := s.b.(backend.Cloner)
	var made atomic.Int32
	s.runConcurrently(4, func(int) {
		switch err := cloner.Clone(s.Context(), s.pool, s.defineClone(source, "v"), source,
			s.cloneOptions(s.pool)); {
		case err == nil:
			made.Add(1)
		case !errors.Is(err, fs.ErrExist):
			s.Errorf("same name, concurrently: got error %v, want fs.ErrExist", err)
		}
	})
	if names := s.list(); made.Load() != 1 || !slices.Equal(names, []string{"source", "v"}) {
		s.Errorf("same name, concurrently: %d operations succeeded, volumes are %q", made.Load(), names)
	}
	s.checkNoLeftovers("after concurrent cloning")
	s.checkData("v", data, "after concurrent cloning")
}

// testCloneFaults injects a fault into each change of a clone, and of the deletion of one.
func (s *suite) testCloneFaults() {
	clone := s.setUpCreation("clone")
	for _, op := range []operation{clone, clone.reverse("delete a clone")} {
		s.failEachChange(op, s.faultsWithoutKills()...)
		s.ok(op.do(s.Context(), s.b))
	}
}

// creations are the operations that create the volume v beside the volume neighbour.
var creations = map[string]func(context.Context, Options, backend.Backend, *pooldef.Pool) error{
	"create": func(ctx context.Context, o Options, b backend.Backend, p *pooldef.Pool) error {
		return b.(backend.Creator).Create(ctx, p, o.Volume("v", o.Sizes[0]), backend.CreateOptions{})
	},
	"clone": func(ctx context.Context, o Options, b backend.Backend, p *pooldef.Pool) error {
		source, err := exportVolume(ctx, b, p, "neighbour")
		if err != nil {
			return err
		}
		return b.(backend.Cloner).Clone(ctx, p, o.defineClone(source, "v"), source, o.cloneOptions(p))
	},
}
