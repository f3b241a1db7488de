package commands

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"poolctl/backend"
	"poolctl/format"
	"poolctl/format/xmltree"
	"poolctl/pooldef"
	"poolctl/pooldef/codec"
	"poolctl/pooldef/store"
)

// A poolStatus is a pool and how it stands now.
type poolStatus struct {
	entry  *store.Entry
	pool   *pooldef.Pool // the definition that counts
	active bool
	err    error // why it cannot be told
	room   func() (pooldef.Space, error)
}

func (e *env) poolStatus(entry *store.Entry) poolStatus {
	s := poolStatus{entry: entry, pool: entry.Current()}
	s.active, s.err = e.active(entry)
	s.room = sync.OnceValues(func() (pooldef.Space, error) { return e.space(e.backends[s.pool.Type], s.pool) })
	return s
}

// state is the word of pool-list.
func (s *poolStatus) state() string {
	if s.active {
		return "active"
	}
	return "inactive"
}

func (s *poolStatus) persistent() bool { return s.entry.File != "" }

// space returns the room in the pool if it is active.
func (s *poolStatus) space() (*pooldef.Space, error) {
	if !s.active {
		return nil, notActive(s.pool.Name)
	}
	space, err := s.room()
	return &space, err
}

// prepareSpace asks for the room in all of the pools.
func prepareSpace(pools []poolStatus) {
	inParallel(pools, func(s poolStatus) error {
		_, err := s.space()
		return err
	})
}

// poolFields are the names of what is told of a pool in machine-readable output. They are stable.
var poolFields = []string{"name", "uuid", "type", "state", "autostart", "persistent", "capacity", "allocation", "available",
	"target_path", "source_name", "source_hosts", "source_devices", "source_dir", "source_format", "file", "error"}

func (s *poolStatus) fields() []any {
	src := &s.pool.Source
	values := []any{s.pool.Name, s.pool.UUID, string(s.pool.Type), s.state(), s.entry.Autostart, s.persistent(), nil, nil, nil,
		orNull(s.pool.Target.Path), orNull(src.Name), hosts(src), devices(src), orNull(src.Dir), orNull(src.Format), orNull(s.entry.File), nil}
	err := s.err
	if s.active && err == nil {
		var space *pooldef.Space
		if space, err = s.space(); err == nil {
			values[6], values[7], values[8] = space.Capacity, space.Allocation, space.Available
		}
	}
	if err != nil {
		values[len(values)-1] = err.Error()
	}
	return values
}

func hosts(s *pooldef.Source) any {
	list := []string{}
	for _, h := range s.Hosts {
		if h.Port != 0 {
			list = append(list, fmt.Sprintf("%s:%d", bracketed(h.Name), h.Port))
		} else {
			list = append(list, h.Name)
		}
	}
	return list
}

// bracketed puts an IPv6 address in brackets, so that a port can follow it.
func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

func devices(s *pooldef.Source) any {
	list := []string{}
	for _, d := range s.Devices {
		list = append(list, d.Path)
	}
	return list
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// printPools prints pools for programs.
func (e *env) printPools(style string, pools []poolStatus) error {
	prepareSpace(pools)
	if style == "xml" {
		return e.printPoolsXML(pools)
	}
	list := format.NewList(e.results, style, "pools", poolFields)
	for _, s := range pools {
		if err := list.Add(s.fields()...); err != nil {
			return err
		}
	}
	return list.Close()
}

func (e *env) printPoolsXML(pools []poolStatus) error {
	root := &xmltree.Element{Name: "pools", Open: true}
	for _, s := range pools {
		document, err := s.document(e, false)
		if err != nil {
			e.warn("pool %q: %w", s.pool.Name, err)
			document = codec.PoolElement(s.pool, nil)
		}
		root.Add(document)
	}
	_, err := io.WriteString(e.results, root.String())
	return err
}

// definition returns the definition that counts or, if inactive, the one that will count after a restart.
func (s *poolStatus) definition(inactive bool) *pooldef.Pool {
	if inactive && s.entry.Persistent != nil {
		return s.entry.Persistent
	}
	return s.pool
}

// document returns a pool's XML: of an active one with what is seen on the machine. inactive asks for the definition that
// will count after a restart; where that is the one that counts now, libvirt prints the same for both.
func (s *poolStatus) document(e *env, inactive bool) (*xmltree.Element, error) {
	if next := s.definition(inactive); codec.PoolElement(next, nil).String() != codec.PoolElement(s.pool, nil).String() {
		return codec.PoolElement(next, nil), nil
	}
	if !s.active {
		return codec.PoolElement(s.pool, nil), s.err
	}
	space, err := s.space()
	if err != nil {
		return nil, err
	}
	p := s.pool
	if observer, ok := e.backends[p.Type].(backend.StatusReader); ok {
		if p, err = ask(e, p, func() (*pooldef.Pool, error) { return observer.ReadStatus(e.ctx, s.pool) }); err != nil {
			return nil, err
		}
	}
	return codec.PoolElement(p, space), nil
}
