package dogtest

import (
	"bytes"
	"cmp"
	"encoding/gob"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// A state is the state of a cluster with one node. It is a file in sheep-PORT, next to the objects.
type state struct {
	dir string

	Formatted bool
	Trouble   string
	Capacity  uint64
	Images    []*inode
}

// An inode is a VDI or a snapshot.
type inode struct {
	Name     string
	ID       uint32 // sd_hash_vdi: the name's hash, or the next free id
	Snapshot uint32 // the snapshot's number; 0 for a VDI
	Next     uint32 // the number of the next snapshot
	Tag      string
	Size     uint64
	Created  int64
	Copies   string
	Clone    bool
	Hyper    bool
	Objects  map[uint64]uint32 // for each object, the id of the image that wrote it
}

// An object's size is 1<<shift bytes, 4 MiB.
const shift, objectSize = 22, 1 << 22

// open returns the cluster at a port. The cluster is locked until unlock is called.
func open(dir string, port int) (s *state, unlock func(), err error) {
	s = &state{dir: filepath.Join(dir, fmt.Sprintf("sheep-%d", port))}
	lock, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	if err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err == nil {
		var data []byte
		if data, err = os.ReadFile(s.file()); err == nil {
			err = gob.NewDecoder(bytes.NewReader(data)).Decode(s)
		}
	}
	if err != nil {
		lock.Close()
		return nil, nil, err
	}
	return s, func() { lock.Close() }, nil
}

func (s *state) file() string { return filepath.Join(s.dir, "state") }

// save writes the state atomically, so that a killed process leaves the old state.
func (s *state) save() error {
	var data bytes.Buffer // not JSON, because names are arbitrary bytes
	err := gob.NewEncoder(&data).Encode(s)
	if err == nil {
		err = os.WriteFile(s.file()+".new", data.Bytes(), 0o600)
	}
	if err == nil {
		err = os.Rename(s.file()+".new", s.file())
	}
	return err
}

// find returns a VDI or one of its snapshots, or nil.
func (s *state) find(name string, which snapshot) *inode {
	for _, i := range s.Images {
		if i.Name == name && which.is(i) {
			return i
		}
	}
	return nil
}

// A snapshot selects a snapshot by number or tag. The zero value selects the VDI itself.
type snapshot struct {
	number uint32
	tag    string
}

func (n snapshot) isNone() bool { return n == snapshot{} }

func (n snapshot) is(i *inode) bool {
	if n.isNone() {
		return i.Snapshot == 0
	}
	return i.Snapshot > 0 && (n.number == 0 || i.Snapshot == n.number) && (n.tag == "" || i.Tag == n.tag)
}

// add adds an image and sets its id. Numbers of snapshots continue from those of existing snapshots with the
// name.
func (s *state) add(i *inode) {
	i.Next = 1
	for _, j := range s.Images {
		if i.Name == j.Name {
			i.Next = max(i.Next, j.Snapshot+1)
		}
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(i.Name))
	i.ID = uint32(h.Sum64() & 0xffffff)
	for i.ID == 0 || slices.ContainsFunc(s.Images, func(j *inode) bool { return j.uses(i.ID) }) {
		i.ID = (i.ID + 1) & 0xffffff
	}
	s.Images = append(s.Images, i)
	slices.SortFunc(s.Images, func(i, j *inode) int { return cmp.Compare(i.ID, j.ID) })
}

// uses reports whether an id is an image's own id, or the id of an image whose objects it shares. sheep does
// not reuse such an id.
func (i *inode) uses(id uint32) bool {
	return i.ID == id || slices.Contains(slices.Collect(maps.Values(i.Objects)), id)
}

// remove removes an image, and objects that no other image uses.
func (s *state) remove(i *inode) error {
	s.Images = slices.DeleteFunc(s.Images, func(j *inode) bool { return i == j })
	for index, owner := range i.Objects {
		if slices.ContainsFunc(s.Images, func(j *inode) bool { return j.Objects[index] == owner }) {
			continue
		}
		if err := os.Remove(s.object(owner, index)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// object returns the path of an object's file. An object of zeros has no file.
func (s *state) object(owner uint32, index uint64) string {
	return filepath.Join(s.dir, fmt.Sprintf("%06x-%d", owner, index))
}

// read returns an object's data without trailing zeros.
func (s *state) read(i *inode, index uint64) ([]byte, error) {
	owner, ok := i.Objects[index]
	if !ok {
		return nil, nil
	}
	data, err := os.ReadFile(s.object(owner, index))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return data, err
}

// write writes data into an object. It copies a shared object first.
func (s *state) write(i *inode, index, offset uint64, b []byte) error {
	data, err := s.read(i, index)
	if err != nil {
		return err
	}
	if end := offset + uint64(len(b)); uint64(len(data)) < end {
		data = append(data, make([]byte, end-uint64(len(data)))...)
	}
	copy(data[offset:], b)
	i.Objects[index] = i.ID
	return os.WriteFile(s.object(i.ID, index), bytes.TrimRight(data, "\x00"), 0o600)
}

// used returns the bytes that an image uses alone and shares with others.
func (i *inode) used() (mine, shared uint64) {
	for _, owner := range i.Objects {
		if owner == i.ID {
			mine += objectSize
		} else {
			shared += objectSize
		}
	}
	return mine, shared
}
