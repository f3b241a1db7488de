package store

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A BuiltMark says that apply has built a pool's storage, or has begun to. Storage that was built and is
// missing later, such as a disk that did not appear at boot, must not be built a second time.
type BuiltMark struct {
	Set  string // the set of definitions; may be empty
	Done bool   // false: the build was interrupted
}

// The words of a mark.
const (
	buildBegun = "building"
	buildDone  = "built"
)

// BuiltMark returns the mark of a pool, or nil if there is none.
func (s *Store) BuiltMark(name string) (*BuiltMark, error) {
	config := s.openDirectory(s.ConfigDir)
	defer config.close()
	if _, err := config.stat("built", unix.AT_SYMLINK_NOFOLLOW); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	marks := config.subdirectory("built")
	defer marks.close()
	data, _, err := marks.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	word, set, _ := strings.Cut(strings.TrimSpace(string(data)), " ")
	return &BuiltMark{Set: set, Done: word == buildDone}, nil
}

// MarkBuilt writes the mark of a pool.
func (s *Store) MarkBuilt(name string, m BuiltMark) error {
	word := buildBegun
	if m.Done {
		word = buildDone
	}
	return s.Files.WriteFile(s.builtFile(name), []byte(strings.TrimSpace(word+" "+m.Set)+"\n"))
}

// RemoveBuilt removes the mark of a pool if it exists.
func (s *Store) RemoveBuilt(name string) error {
	if !exists(s.builtFile(name)) {
		return nil
	}
	return s.Files.Remove(s.builtFile(name))
}

func (s *Store) builtFile(name string) string { return filepath.Join(s.ConfigDir, "built", name) }
