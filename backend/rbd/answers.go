package rbd

import (
	"errors"
	"fmt"
	"slices"

	"poolctl/backend"
	"poolctl/pooldef"
)

// A row is an image or a snapshot of one, as rbd ls -l reports it.
type row struct {
	Image     string
	Snapshot  string // empty for the image itself
	Protected string
	Size      uint64
	Parent    *origin // set for a clone
}

// An origin is the snapshot that a clone shares data with.
type origin struct {
	Pool      string
	Namespace string `json:"pool_namespace"`
	Image     string
	Snapshot  string
}

func (o *origin) place() place { return place{o.Pool, o.Namespace} }

// check implements checker.
func (o *origin) check() error {
	if o == nil {
		return nil
	}
	isPlace := isPlain(o.Pool) && (o.Namespace == "" || isPlain(o.Namespace))
	if isPlace && isPlain(o.Image) && isSnapshotName(o.Snapshot) {
		return nil
	}
	named := o.place().image(o.Image) + "@" + o.Snapshot
	return &backend.AnswerError{Tool: "rbd", Field: "parent", Text: named}
}

// backing returns the origin as a volume's backing store.
func (o *origin) backing() *pooldef.VolumeTarget {
	if o == nil {
		return nil
	}
	return &pooldef.VolumeTarget{Path: scheme + o.place().image(o.Image) + "@" + o.Snapshot, Format: "raw"}
}

// info is an image as rbd info reports it.
type info struct {
	ID         string
	Size       uint64
	ObjectSize uint64 `json:"object_size"`
	Snapshots  int    `json:"snapshot_count"`
	Features   []string
	Parent     *origin
}

// check implements checker.
func (i *info) check() error {
	if i.Snapshots < 0 {
		return &backend.AnswerError{Tool: "rbd", Field: "snapshot_count", Text: fmt.Sprint(i.Snapshots)}
	}
	return errors.Join(backend.CheckSizes("rbd", "size", i.Size),
		backend.CheckSizes("rbd", "object_size", i.ObjectSize), i.Parent.check())
}

// A rowList is the output of rbd ls --long. check removes the images that names omits.
type rowList []row

func (l *rowList) check() error {
	seen := firstOf{}
	*l = slices.DeleteFunc(*l, func(r row) bool {
		isNamed := isPlain(r.Image) && (r.Snapshot == "" || isSnapshotName(r.Snapshot))
		return !isNamed || !seen.first(r.Image+"@"+r.Snapshot)
	})
	for _, r := range *l {
		if err := errors.Join(backend.CheckSizes("rbd", "size", r.Size), r.Parent.check()); err != nil {
			return err
		}
	}
	return nil
}
