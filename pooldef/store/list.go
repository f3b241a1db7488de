package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/pooldef"
)

// All returns every pool that there is a file for, by name. One that cannot be used has its Err; it does not hide the others.
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
		e, err := loadEntry(name, config, run)
		switch text := pooldef.CheckName(name); {
		case text != "":
			err = pooldef.Problems{{File: s.ConfigDir, Text: text}}
		case errors.Is(err, ErrNoPool): // gone meanwhile
			continue
		}
		if len(entries) == 0 { // once for all
			e.warnUntrusted(config, run)
		}
		entries = append(entries, e)
		if e.Err = err; err != nil {
			continue
		}
		id := e.Current().UUID
		if other, ok := seen[id]; ok {
			e.warn(&pooldef.ConflictError{Text: fmt.Sprintf("pools %q and %q have the same uuid %s", other, name, id)})
		}
		seen[id] = name
	}
	return entries, nil
}

// poolNames lists all pools that there are files for, in the order of CompareNames. Hidden files are not definitions: they are
// what editors leave, or what is being written.
func poolNames(folders ...*directory) ([]string, error) {
	var names []string
	for _, d := range folders {
		files, err := d.list()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, f := range files {
			suffix := filepath.Ext(f.Name())
			name := strings.TrimSuffix(f.Name(), suffix)
			if slices.Contains(suffixes[:], suffix) && !f.IsDir() && !strings.HasPrefix(f.Name(), ".") {
				names = append(names, name)
			}
		}
	}
	slices.SortFunc(names, pooldef.CompareNames)
	return slices.Compact(names), nil
}
