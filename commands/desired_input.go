package commands

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/backend/desired"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// desiredArgs are the arguments of verbs that compare the machine with definitions.
type desiredArgs struct {
	Paths   []string `arg:"" optional:"" name:"path" file:"" help:"Definitions: files, directories, or - for standard input. Default: the config directory."`
	Set     string   `placeholder:"NAME" help:"Name of the set that the definitions belong to (the path of their directory)."`
	Prune   bool     `help:"Stop and undefine pools of the set that are no longer declared; their data stay."`
	Delete  bool     `help:"Delete volumes that are declared with state: absent."`
	Restart bool     `help:"Restart pools that run with an older definition."`
	Adopt   bool     `help:"Take over pools that another set, or no set, manages."`
	Rebuild []string `placeholder:"POOL" help:"Build a pool again whose storage is missing, although apply has built it once. May be repeated."`

	Active    bool `help:"Pools of XML definitions should be active."`
	Autostart bool `help:"Pools of XML definitions should start at boot."`
	Built     bool `help:"Pools of XML definitions should be built if their storage is missing."`
}

// session returns a session for the arguments.
func (a *desiredArgs) session(e *env) (*desired.Session, error) {
	if a.Set != "" {
		if text := pooldef.CheckSetName(a.Set); text != "" {
			return nil, &usageError{text: "--set: " + text}
		}
	}
	documents, prune, err := a.documents(e)
	if err != nil {
		return nil, err
	}
	set, err := desired.Read(documents, a.xmlState(), e.driver.Host)
	if err != nil {
		return nil, err
	}
	for _, name := range a.Rebuild {
		if set.Find(name) == nil {
			return nil, &usageError{text: fmt.Sprintf("--rebuild: the definitions declare no pool %q", name)}
		}
	}
	s := &desired.Session{Driver: e.driver, Set: set, Delete: a.Delete, Restart: a.Restart, Adopt: a.Adopt,
		Rebuild: a.Rebuild, Prune: prune, Progress: e.Progress}
	return s, s.Check()
}

// xmlState returns the state that XML documents declare.
func (a *desiredArgs) xmlState() (s pooldef.DesiredState) {
	if s.Built = a.Built; a.Active {
		s.Active = &a.Active
	}
	if a.Autostart {
		s.Autostart = &a.Autostart
	}
	return s
}

// documents reads the definitions. prune is the set to prune, or "".
func (a *desiredArgs) documents(e *env) (all []desired.Document, prune string, err error) {
	paths := a.Paths
	if len(paths) == 0 {
		e.warnMissing()
		paths = []string{e.driver.Store.ConfigDir}
	}
	directories := 0
	for _, path := range paths {
		info, statErr := os.Stat(path)
		isDirectory := path != "-" && statErr == nil && info.IsDir()
		set, err := a.setOf(path, isDirectory)
		if err != nil {
			return nil, "", err
		}
		read, err := e.readDocuments(path, isDirectory)
		if err != nil {
			return nil, "", err
		}
		for i := range read {
			read[i].Set = set
		}
		if all = append(all, read...); isDirectory {
			directories, prune = directories+1, set
		}
	}
	switch {
	case !a.Prune:
		return all, "", nil
	case a.Set != "":
		return all, a.Set, nil
	case directories != 1 || len(paths) != 1:
		return nil, "", &usageError{text: "--prune needs exactly one directory, or --set"}
	}
	return all, prune, nil
}

// setOf returns the name of the set that the definitions at a path belong to. A file, and standard input,
// belong to none.
func (a *desiredArgs) setOf(path string, isDirectory bool) (string, error) {
	if a.Set != "" || !isDirectory {
		return a.Set, nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	if text := pooldef.CheckSetName(path); text != "" {
		return "", &usageError{text: text + ": give another one with --set"}
	}
	return path, nil
}

// readDocuments reads a file, standard input, or the files of a directory.
func (e *env) readDocuments(path string, isDirectory bool) ([]desired.Document, error) {
	config := e.driver.Store.ConfigDir
	switch {
	case path == config, isDirectory && isSameFile(path, config):
		return e.readConfigDir()
	case path == "-":
		data, err := e.readInput(path)
		return []desired.Document{{File: inputName(path), Data: data}}, err
	case !isDirectory:
		one, err := e.readDocument(path)
		return []desired.Document{one}, err
	}
	files, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var all []desired.Document
	var failed []error
	for _, f := range files {
		suffixes := []string{".yaml", ".yml", ".xml"}
		if strings.HasPrefix(f.Name(), ".") || !slices.Contains(suffixes, filepath.Ext(f.Name())) {
			continue
		}
		one, err := e.readDocument(filepath.Join(path, f.Name()))
		if err != nil {
			failed = append(failed, err)
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, noDefinitions(path)
	}
	return all, allProblems(failed)
}

// readDocument reads a file.
func (e *env) readDocument(file string) (desired.Document, error) {
	data, err := e.readInput(file)
	if err != nil {
		return desired.Document{}, err
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	return desired.Document{File: file, Dir: dir, Data: data}, err
}

// noDefinitions returns the error for a directory without definitions, which may be the wrong one.
func noDefinitions(path string) error {
	return pooldef.Problems{{File: path, Text: "the directory contains no definitions (*.yaml, *.yml, *.xml)"}}
}

// readConfigDir reads the definitions of the config directory.
func (e *env) readConfigDir() ([]desired.Document, error) {
	entries, err := e.driver.Store.All()
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(entry *store.Entry) bool { return entry.File == "" })
	var all []desired.Document
	var failed []error
	for _, entry := range entries {
		data, err := e.driver.Store.Source(entry)
		if err == nil && entry.Persistent == nil {
			err = entry.Err
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		all = append(all, desired.Document{File: entry.File, Dir: e.driver.Store.ConfigDir, Data: data,
			InPlace: true})
	}
	if len(all) == 0 && failed == nil {
		return nil, noDefinitions(e.driver.Store.ConfigDir)
	}
	return all, allProblems(failed)
}

// allProblems returns one error for those of several files: a single one as it is, or the problems of all.
func allProblems(failed []error) error {
	switch len(failed) {
	case 0:
		return nil
	case 1:
		return failed[0]
	}
	var all pooldef.Problems
	for _, err := range failed {
		problems := pooldef.Problems(nil)
		if !errors.As(err, &problems) {
			problems = pooldef.Problems{{Text: err.Error()}}
		}
		all = append(all, problems...)
	}
	return all
}
