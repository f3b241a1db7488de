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

// copyOf defines a volume that is to be a clone.
func (o Options) copyOf(source *pooldef.Volume, name string) *pooldef.Volume {
	return o.Volume(name, source.Capacity.Bytes)
}

// how tells how volumes of a pool are cloned: so that they stand by themselves.
func (o Options) how(p *pooldef.Pool) backend.CloneOptions {
	return backend.CloneOptions{Full: true, From: p}
}

// source gets the pool ready and makes a volume that is to be cloned, full of data. Volumes without data have to be refused, and then
// there is nothing more to test.
func (s *suite) source(name string) (v *pooldef.Volume, data []byte) {
	s.Helper()
	cloner := needs[backend.Cloner](s)
	s.ready()
	define := s.Volume
	if s.Source != nil {
		define = s.Source
	}
	s.ok(needs[backend.Creator](s).Create(s.Context(), s.pool, define(name, s.Sizes[0]), backend.CreateOptions{}))
	if v = s.the(name); !hasData(v) {
		state := s.state()
		s.refuses(cloner.Clone(s.Context(), s.pool, s.copyOf(v, "v"), v, s.how(s.pool)), state, "cloned what has no data")
		s.Skip("there are no data to clone")
	}
	data = s.fill(name, 1)
	v, err := lent(s.Context(), s.b, s.pool, name)
	s.ok(err)
	return v, data
}

// lent returns a volume as it can be cloned.
func lent(ctx context.Context, b backend.Backend, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	if lender, ok := b.(backend.Exporter); ok {
		return lender.Export(ctx, p, name)
	}
	return b.Volume(ctx, p, name)
}

// cloning clones a volume: the clone is as it was defined, has the source's data, and goes its own way. Nothing happens to the source.
func (s *suite) cloning() {
	source, data := s.source("source")
	cloner := s.b.(backend.Cloner)
	before := s.state()
	clone := func(d *pooldef.Volume) error {
		return cloner.Clone(s.Context(), s.pool, d, source, s.how(s.pool))
	}
	s.ok(clone(s.copyOf(source, "v")))
	s.clean("cloned")
	v := s.the("v")
	s.asDefined(v, s.copyOf(source, "v"))
	if v.Capacity != source.Capacity || v.Backing != nil {
		s.Errorf("the clone of %+v is %+v", *source, *v)
	}
	s.holds("v", data, "cloned")
	both := s.state()
	for _, taken := range []string{"v", "source"} {
		if err := clone(s.copyOf(source, taken)); !errors.Is(err, fs.ErrExist) {
			s.Errorf("a name that is taken: error %v", err)
		}
		s.same(both, "a name that is taken")
	}
	s.remove("v")
	s.same(before, "cloned, and the clone deleted")
	s.clonedSizes(clone, source, data)
	s.same(before, "cloned in other sizes")
	s.clonedNames(clone, source)
	s.goOwnWays(clone, source, data)
}

// clonedSizes makes clones that are larger, or smaller, which is refused.
func (s *suite) clonedSizes(clone func(*pooldef.Volume) error, source *pooldef.Volume, data []byte) {
	s.Helper()
	size := source.Capacity.Bytes
	same, larger := s.copyOf(source, "same"), s.Volume("larger", 2*size)
	same.Capacity = pooldef.Size{}
	for _, d := range []*pooldef.Volume{same, larger} {
		s.ok(clone(d))
		s.holds(d.Name, data, d.Name)
		if got, want := s.the(d.Name).Capacity.Bytes, s.rounded(max(size, d.Capacity.Bytes)); got != want {
			s.Errorf("%s: its capacity is %d, want %d", d.Name, got, want)
		}
		s.remove(d.Name)
	}
	state := s.state()
	s.fails(clone(s.Volume("smaller", size/2)), state, "cloned into less")
}

// clonedNames makes clones of all names.
func (s *suite) clonedNames(clone func(*pooldef.Volume) error, source *pooldef.Volume) {
	s.Helper()
	before := s.state()
	for _, name := range s.Options.names(true) {
		err := clone(s.copyOf(source, name))
		switch {
		case err == nil && slices.Contains(s.Refused, name):
			s.Errorf("%q was made, and has to be refused", short(name))
		case err != nil && slices.Contains(s.Allowed, name):
			s.Errorf("%q has to work: %v", short(name), err)
		}
		if err == nil {
			s.the(name)
			s.remove(name)
		}
	}
	s.same(before, "cloned as all names, or refused, and the clones deleted")
}

// goOwnWays writes into a source and its clone. Neither sees what is in the other.
func (s *suite) goOwnWays(clone func(*pooldef.Volume) error, source *pooldef.Volume, data []byte) {
	s.Helper()
	s.ok(clone(s.copyOf(source, "v")))
	s.ok(clone(s.copyOf(source, "w")))
	other := s.fill("v", 2)
	s.holds("source", data, "written into its clone")
	if third := s.fill("source", 3); bytes.Equal(third, other) {
		s.Fatal("that was to be something else")
	}
	s.holds("v", other, "written into its source")
	s.remove("source")
	s.holds("w", data, "its source deleted")
}

// cloningTogether makes clones of one name at the same time. One wins.
func (s *suite) cloningTogether() {
	source, data := s.source("source")
	cloner := s.b.(backend.Cloner)
	var made atomic.Int32
	s.atOnce(4, func(int) {
		switch err := cloner.Clone(s.Context(), s.pool, s.copyOf(source, "v"), source, s.how(s.pool)); {
		case err == nil:
			made.Add(1)
		case !errors.Is(err, fs.ErrExist):
			s.Errorf("the same name at the same time: error %v", err)
		}
	})
	if names := s.list(); made.Load() != 1 || !slices.Equal(names, []string{"source", "v"}) {
		s.Errorf("the same name was made %d times: %q", made.Load(), names)
	}
	s.clean("cloned at the same time")
	s.holds("v", data, "cloned at the same time")
}

// cloneFaults lets every change fail by which a volume is cloned.
func (s *suite) cloneFaults() {
	clone := s.making("clone")
	for _, f := range s.faultsBesideKills() {
		s.everyChange(clone, f)
	}
}

// makes are the ways to make the volume v, beside another that is called neighbour.
var makes = map[string]func(context.Context, Options, backend.Backend, *pooldef.Pool) error{
	"create": func(ctx context.Context, o Options, b backend.Backend, p *pooldef.Pool) error {
		return b.(backend.Creator).Create(ctx, p, o.Volume("v", o.Sizes[0]), backend.CreateOptions{})
	},
	"clone": func(ctx context.Context, o Options, b backend.Backend, p *pooldef.Pool) error {
		source, err := lent(ctx, b, p, "neighbour")
		if err != nil {
			return err
		}
		return b.(backend.Cloner).Clone(ctx, p, o.copyOf(source, "v"), source, o.how(p))
	},
}
