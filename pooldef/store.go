package pooldef

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// A Store keeps the definitions of pools in one directory, in libvirt's layout, and the records of running ones in another.
// It reads by itself; whatever changes a file goes through Files.
type Store struct {
	ConfigDir   string
	RunDir      string
	Credentials string // the directory of systemd's credentials; empty: there is none
	LibvirtDir  string // the directory of libvirt's definitions, whose secrets are used where there is none here; empty: they are not
	Files       Files
	ReadOnly    bool // no lock files are made, nor their directory: only a lock that is there is taken

	isLibvirt bool // it is libvirt's, whose secrets are only read
}

// Files changes files, each change whole or not at all.
type Files interface {
	WriteFile(path string, data []byte) error    // mode 0600; missing parents are made
	WritePrivate(path string, data []byte) error // the same; the directory, if it has to be made, has mode 0700
	WriteSecret(path string, data []byte) error  // the same, and data are never shown
	Remove(path string) error
	Symlink(target, link string) error // missing parents are made
}

// ErrNoPool is what Load wraps when there is no pool of that name.
var ErrNoPool = errors.New("no such pool")

// An Entry is what the store knows of one pool.
type Entry struct {
	Name      string
	File      string // of the definition; empty for a transient pool
	Defined   *Pool  // nil for a transient pool, or when the file cannot be used
	Running   *Pool  // as it was when it was started; nil: it was not
	Autostart bool
	Warnings  []Problem
	Err       error // why the pool cannot be used
}

// Live is the definition that counts now: the one that the pool was started with, if it was.
func (e *Entry) Live() *Pool {
	if e.Running != nil {
		return e.Running
	}
	return e.Defined
}

// suffixes of definition files.
var suffixes = [...]string{".xml", ".yaml"}

// Load returns one pool. A definition that is broken, or there twice, is an error unless the pool is running: then it is
// among the warnings, because a running pool can always be looked at and stopped. The entry of a broken definition comes
// back with the error and tells its File, so that it can be mended or removed.
func (s *Store) Load(name string) (*Entry, error) {
	e := &Entry{Name: name}
	if text := CheckName(name); text != "" {
		return e, fmt.Errorf("%w: %s", ErrNoPool, text)
	}
	err := s.loadDefinition(e)
	if recordErr := s.loadRecord(e); err == nil {
		err = recordErr
	}
	if err != nil && e.Running != nil {
		e.warn(err)
		err = nil
	}
	if err == nil && e.Live() == nil {
		err = fmt.Errorf("%w: %q", ErrNoPool, name)
	}
	return e, err
}

// warn makes warnings of an error.
func (e *Entry) warn(err error) {
	if problems := (Problems)(nil); errors.As(err, &problems) {
		e.Warnings = append(e.Warnings, problems...)
	} else {
		e.Warnings = append(e.Warnings, Problem{Text: err.Error()})
	}
}

// loadDefinition fills in what the config directory says.
func (s *Store) loadDefinition(e *Entry) error {
	for _, suffix := range suffixes {
		file := filepath.Join(s.ConfigDir, e.Name+suffix)
		data, err := readFile(file)
		if errors.Is(err, fs.ErrNotExist) && !exists(file) {
			continue
		}
		if e.File != "" {
			e.Defined = nil
			return &ConflictError{Text: fmt.Sprintf("pool %q is defined twice, in %s and %s", e.Name, e.File, file)}
		}
		e.File, e.Autostart = file, sameFile(s.autostartLink(file), file)
		if err == nil {
			e.Defined, err = e.read(file, data)
		}
		if err != nil {
			return err
		}
		if p := e.Defined; p.UUID == "" { // a file that somebody wrote by hand: the same name has always the same uuid
			p.UUID = uuid.NewSHA1(uuid.NameSpaceURL, []byte("poolctl:"+p.Name)).String()
		}
		if link := s.autostartLink(file); !e.Autostart && exists(link) {
			e.warn(Problems{{File: link, Text: "it leads to another file: the pool is not started at boot"}})
		}
	}
	return nil
}

// read reads a file, which has to define the pool that it is named after.
func (e *Entry) read(file string, data []byte) (*Pool, error) {
	p, warnings, err := ReadPool(file, data, false)
	if err != nil {
		return nil, err
	}
	if p.Name != e.Name {
		return nil, Problems{{File: file, Element: "name", Text: fmt.Sprintf("%q is not the file's name %q", p.Name, e.Name)}}
	}
	e.Warnings = append(e.Warnings, warnings...)
	return p, nil
}

func sameFile(a, b string) bool {
	ai, err := os.Stat(a)
	if err != nil {
		return false
	}
	bi, err := os.Stat(b)
	return err == nil && os.SameFile(ai, bi)
}

func (s *Store) loadRecord(e *Entry) error {
	file := s.recordFile(e.Name)
	data, err := readFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		if e.Running, err = e.read(file, data); err == nil {
			e.Running.Started = true
		}
	}
	return err
}

// ReadInput reads at most MaxInput bytes of a definition.
func ReadInput(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxInput+1))
	if err == nil && len(data) > MaxInput {
		err = Problems{{Text: fmt.Sprintf("larger than %d bytes", MaxInput)}}
	}
	return data, err
}

func readFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := ReadInput(f)
	if problems := (Problems)(nil); errors.As(err, &problems) {
		return nil, inFile(file, problems)
	}
	return data, err
}

// All returns every pool that there is a file for, by name. One that cannot be used has its Err; it does not hide the others.
func (s *Store) All() ([]*Entry, error) {
	names, err := s.names()
	if err != nil {
		return nil, err
	}
	var entries []*Entry
	seen := map[string]string{}
	for _, name := range names {
		e, err := s.Load(name)
		switch text := CheckName(name); {
		case text != "":
			err = Problems{{File: s.ConfigDir, Text: text}}
		case errors.Is(err, ErrNoPool): // gone meanwhile
			continue
		}
		entries = append(entries, e)
		if e.Err = err; err != nil {
			continue
		}
		id := e.Live().UUID
		if other, ok := seen[id]; ok {
			e.warn(&ConflictError{fmt.Sprintf("pools %q and %q have the same uuid %s", other, name, id)})
		}
		seen[id] = name
	}
	return entries, nil
}

// names lists all pools that there are files for, in the order of CompareNames. Hidden files are not definitions: they are
// what editors leave, or what is being written.
func (s *Store) names() ([]string, error) {
	var names []string
	for _, dir := range []string{s.ConfigDir, s.RunDir} {
		files, err := os.ReadDir(dir)
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
	slices.SortFunc(names, CompareNames)
	return slices.Compact(names), nil
}

// CompareNames orders names as virsh does: without regard to the case of ASCII letters, byte by byte.
func CompareNames(a, b string) int {
	for i := range min(len(a), len(b)) {
		if ca, cb := lower(a[i]), lower(b[i]); ca != cb {
			return int(ca) - int(cb)
		}
	}
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
