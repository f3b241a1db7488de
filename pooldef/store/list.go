package store

import (
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"poolctl/pooldef"
)

// All returns every pool that has a definition or a run record, in the order of pooldef.CompareNames. A pool
// that cannot be used is listed with its Err.
func (s *Store) All() ([]*Entry, error) {
	config, run := s.openDirectory(s.ConfigDir), s.openDirectory(s.RunDir)
	defer config.close()
	defer run.close()
	names, err := poolNames(config, run)
	if err != nil {
		return nil, err
	}
	var entries []*Entry
	seen := map[string]string{}
	for _, name := range names {
		e, err := s.loadEntry(name, config, run)
		switch text := pooldef.CheckName(name); {
		case text != "":
			err = pooldef.Problems{{File: s.ConfigDir, Text: text}}
		case errors.Is(err, ErrNoPool): // removed since the directory was read
			continue
		}
		if len(entries) == 0 { // once for the whole list
			e.warnUntrusted(config, run)
		}
		entries = append(entries, e)
		if e.Err = err; err != nil {
			continue
		}
		id := e.Current().UUID
		if other, ok := seen[id]; ok {
			e.warn(conflictf("pools %q and %q have the same uuid %s", other, name, id))
		}
		seen[id] = name
	}
	return entries, nil
}

// Definitions returns every pool that has a definition, in the order of pooldef.CompareNames. It does not
// read the run directory. A definition that cannot be used is listed with its Err.
func (s *Store) Definitions() ([]*Entry, error) {
	config := s.openDirectory(s.ConfigDir)
	defer config.close()
	var wait sync.WaitGroup
	wait.Go(func() { _, _ = config.autostart().list() }) // loadAutostart reports errors
	names, err := poolNames(config)
	wait.Wait()
	entries := make([]*Entry, len(names))
	var next atomic.Int64
	for range min(runtime.GOMAXPROCS(0), len(names)) {
		wait.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(names)); i = next.Add(1) - 1 {
				entries[i] = s.definition(names[i], config)
			}
		})
	}
	wait.Wait()
	return slices.DeleteFunc(entries, func(e *Entry) bool { return e.File == "" && e.Err == nil }), err
}

// definition returns an entry with what the config directory has about a pool. The entry has no File if the
// definition has been removed since.
func (s *Store) definition(name string, config *directory) *Entry {
	e := &Entry{Name: name}
	if text := pooldef.CheckName(name); text != "" {
		e.Err = pooldef.Problems{{File: s.ConfigDir, Text: text}}
	} else {
		e.Err = e.loadDefinition(config)
	}
	return e
}

// poolNames lists the names of all pools that have a file, in the order of pooldef.CompareNames. Hidden files
// are left out: editors and unfinished writes leave them.
func poolNames(directories ...*directory) ([]string, error) {
	var names []string
	for _, d := range directories {
		files, err := d.list()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, f := range files {
			suffix := filepath.Ext(f.Name)
			if slices.Contains(suffixes[:], suffix) && !f.Type.IsDir() && !strings.HasPrefix(f.Name, ".") {
				names = append(names, strings.TrimSuffix(f.Name, suffix))
			}
		}
	}
	slices.SortFunc(names, pooldef.CompareNames)
	return slices.Compact(names), nil
}

// Source returns the text of an entry's definition, even if it is broken. Files must meet the same rules as
// for Load.
func (s *Store) Source(e *Entry) ([]byte, error) {
	config := s.openDirectory(s.ConfigDir)
	defer config.close()
	data, _, err := config.read(filepath.Base(e.File))
	return data, err
}
