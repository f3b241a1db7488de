// Package desired compares the machine with definitions that say what should be, and makes the machine like
// that: the work of the verbs diff, apply and export.
//
//	set, err := desired.Read(documents, pooldef.DesiredState{})
//	session := &desired.Session{Driver: d, Set: set, Report: print}
//	err = session.Diff(ctx) // or Apply
//
// [Read] reads and checks all documents, and orders what they say: a pool comes after the pool that it lies
// in, a volume after its pool, its backing volume and its source. A [Session] compares one pool or volume
// after the other with the machine and reports each difference as a [Change]. Apply executes the change
// first, through package driver, so that it does what the verbs do.
//
// Nothing is kept between two runs except marks in the store: which set manages a definition, and which pools
// apply has built. An apply that was killed is continued by the next one, from what that finds.
package desired

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"poolctl/backend/fetch"
	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// A Document is a file with definitions.
type Document struct {
	File string
	Data []byte
	Dir  string // the absolute path of the file's directory; empty for standard input
	Set  string // the set of definitions that the document belongs to; empty: none
	// InPlace is set for a file of the config directory, which is the definition itself.
	InPlace bool
}

// A Set is everything that should be.
type Set struct {
	Pools []*Pool
	nodes []*node // in the order of their dependencies
}

// A Pool is a pool that should be.
type Pool struct {
	*pooldef.Desired
	Set     string
	InPlace bool
}

// stops reports whether the pool should not be active.
func (p *Pool) stops() bool { return p.State.Active != nil && !*p.State.Active }

// volumesOf returns the nodes of the volumes of a pool, in their order.
func (s *Set) volumesOf(pool *node) (volumes []*node) {
	for _, n := range s.nodes {
		if n.volume != nil && n.pool == pool.pool {
			volumes = append(volumes, n)
		}
	}
	return volumes
}

// place returns where a pool is declared.
func (p *Pool) place() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Read reads documents and orders what they declare. xml is the state that XML documents declare, which
// cannot say it themselves. If definitions are wrong, the error is [pooldef.Problems] with those of all
// documents. If two define one pool, the error is a [pooldef.ConflictError].
func Read(documents []Document, xml pooldef.DesiredState, looker Looker) (*Set, error) {
	set, problems := &Set{}, pooldef.Problems(nil)
	for _, d := range documents {
		read, err := codec.ReadDesired(d.File, d.Data)
		found := pooldef.Problems(nil)
		if err != nil && !errors.As(err, &found) {
			return nil, err
		}
		problems = append(problems, found...)
		if d.InPlace && len(read) > 1 {
			const text = "a file of the config directory defines one pool"
			problems = append(problems, pooldef.Problem{File: d.File, Line: read[1].Line, Text: text})
		}
		for _, one := range read {
			if one.YAML == nil {
				one.State = xml
			}
			if one.Pool.ManagedBy = d.Set; d.InPlace {
				one.Pool.ManagedBy = ""
			}
			problems = append(problems, checkSources(one, d.Dir)...)
			set.Pools = append(set.Pools, &Pool{one, d.Set, d.InPlace})
		}
	}
	for _, p := range set.Pools {
		problems = append(problems, checkVolumes(p)...)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	if err := set.checkNames(); err != nil {
		return nil, err
	}
	return set, set.order(looker)
}

// checkSources makes the paths of source files absolute, and returns the sources that cannot be used.
func checkSources(p *pooldef.Desired, dir string) (problems pooldef.Problems) {
	add := func(v pooldef.DesiredVolume, key, text string) {
		problems = append(problems,
			pooldef.Problem{File: p.File, Line: v.Line, Element: "volumes.source." + key, Text: text})
	}
	for _, v := range p.Volumes {
		switch s := v.Source; {
		case s == nil:
		case s.URL != "":
			if err := (fetch.Source{URL: s.URL}).CheckURL(); err != nil {
				add(v, "url", err.Error())
			}
		case s.File != "" && !filepath.IsAbs(s.File):
			if s.File = filepath.Join(dir, s.File); dir == "" {
				add(v, "file", fmt.Sprintf("%q is not an absolute path", s.File))
			}
		}
	}
	return problems
}

// checkVolumes returns the problems of a pool's volumes beyond those of each definition.
func checkVolumes(p *Pool) (problems pooldef.Problems) {
	seen := map[string]int{}
	for _, v := range p.Volumes {
		if line, twice := seen[v.Name]; twice {
			text := fmt.Sprintf("volume %q is declared a second time, after line %d", v.Name, line)
			problems = append(problems, pooldef.Problem{File: p.File, Line: v.Line, Element: "volumes", Text: text})
		}
		seen[v.Name] = v.Line
		if v.Backing != nil && v.Source != nil {
			const text = "a volume has either a source or a backing file"
			problems = append(problems,
				pooldef.Problem{File: p.File, Line: v.Line, Element: "volumes.source", Text: text})
		}
	}
	return problems
}

// checkNames returns a ConflictError if two documents define a pool of one name.
func (s *Set) checkNames() error {
	first := map[string]*Pool{}
	for _, p := range s.Pools {
		if other := first[p.Pool.Name]; other != nil {
			text := fmt.Sprintf("pool %q is defined twice, at %s and %s", p.Pool.Name, other.place(), p.place())
			return &pooldef.ConflictError{Text: text}
		}
		first[p.Pool.Name] = p
	}
	return nil
}

// Find returns the pool with a name, or nil.
func (s *Set) Find(name string) *Pool {
	i := slices.IndexFunc(s.Pools, func(p *Pool) bool { return p.Pool.Name == name })
	if i < 0 {
		return nil
	}
	return s.Pools[i]
}
