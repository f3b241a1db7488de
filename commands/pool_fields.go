package commands

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"poolctl/backend/driver"
	"poolctl/format/xmltree"
	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// stateOf returns the state of a pool as pool-list shows it.
func stateOf(s *driver.Status) string {
	if s.Active {
		return "active"
	}
	return "inactive"
}

// poolFields are the names of a pool's fields in machine-readable output. They are stable.
var poolFields = []string{
	"name", "uuid", "type", "state", "autostart", "persistent", "capacity", "allocation", "available",
	"target_path", "source_name", "source_hosts", "source_devices", "source_dir", "source_format",
	"file", "error",
}

// sizeFields are the fields of a pool that the storage is asked for: a size, or why there is none.
var sizeFields = []string{"capacity", "allocation", "available", "error"}

// poolValues returns the values of poolFields, and the sizes if withSizes is set.
func poolValues(s *driver.Status, withSizes bool) []any {
	src := &s.Pool.Source
	values := []any{
		s.Pool.Name, orNull(s.Pool.UUID), orNull(string(s.Pool.Type)), stateOf(s), s.Entry.Autostart,
		s.IsPersistent(),
		nil, nil, nil,
		orNull(s.Pool.Target.Path), orNull(src.Name), hosts(src), devices(src), orNull(src.Dir),
		orNull(src.Format), orNull(s.Entry.File), nil,
	}
	err := s.Err
	if withSizes && s.Active && err == nil {
		var space *pooldef.Space
		if space, err = s.Space(); err == nil {
			values[6], values[7], values[8] = space.Capacity, space.Allocation, space.Available
		}
	}
	if err != nil {
		values[len(values)-1] = err.Error()
	}
	return values
}

// hosts returns the servers of a source as NAME or NAME:PORT.
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

// bracketed puts an IPv6 address in brackets, so that a port can follow.
func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// devices returns the device paths of a source.
func devices(s *pooldef.Source) any {
	list := []string{}
	for _, d := range s.Devices {
		list = append(list, d.Path)
	}
	return list
}

// orNull returns nil for an empty string, so that it is printed as null.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// A poolPrinter prints pools in one of the styles.
type poolPrinter struct {
	add   func(pools []driver.Status) error // and flush
	close func() error
}

// poolPrinter returns a printer for a machine-readable style, or for the columns that were picked.
func (e *env) poolPrinter(o *output) poolPrinter {
	if o.Output == "xml" {
		var all []driver.Status
		return poolPrinter{
			func(pools []driver.Status) error { all = append(all, pools...); return nil },
			func() error {
				slices.SortStableFunc(all, func(a, b driver.Status) int {
					return pooldef.CompareNames(a.Entry.Name, b.Entry.Name)
				})
				return e.printPoolsXML(all)
			},
		}
	}
	withSizes := o.needsAny(sizeFields...)
	records := o.records(e, "pools", poolFields)
	return poolPrinter{
		func(pools []driver.Status) error {
			for _, s := range pools {
				if err := records.add(poolValues(&s, withSizes)); err != nil {
					return err
				}
			}
			return records.flush()
		},
		records.close,
	}
}

func (e *env) printPoolsXML(pools []driver.Status) error {
	root := &xmltree.Element{Name: "pools", Open: true}
	for _, s := range pools {
		document, err := e.poolDocument(&s, false)
		if err != nil {
			e.Warn("pool %q: %w", s.Pool.Name, err)
			document = codec.PoolElement(s.Pool, nil)
		}
		root.Add(document)
	}
	_, err := io.WriteString(e.Results, root.String())
	return err
}

// poolDocument returns a pool's XML, with the sizes if the pool is active. If inactive is set and the
// definition has changed since the start, poolDocument returns the new definition. Otherwise libvirt prints
// the same document with and without --inactive.
func (e *env) poolDocument(s *driver.Status, inactive bool) (*xmltree.Element, error) {
	next, now := codec.PoolElement(s.Definition(inactive), nil), codec.PoolElement(s.Pool, nil)
	if next.String() != now.String() {
		return next, nil
	}
	if !s.Active {
		return now, s.Err
	}
	space, err := s.Space()
	if err != nil {
		return nil, err
	}
	p, err := e.driver.ReadStatus(e.ctx, s.Pool)
	if err != nil {
		return nil, err
	}
	return codec.PoolElement(p, space), nil
}
