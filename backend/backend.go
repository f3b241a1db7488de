// Package backend says what it takes to manage the pools of one type. The types themselves are the packages below it.
package backend

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"poolctl/pooldef"
)

// A Backend manages the pools of one type. It keeps nothing between calls, and may be used by several goroutines at once.
//
// What it does is done wholly or, if there is an error, not at all: what was begun is undone, also if ctx ends meanwhile. Only what
// cannot be undone, as a deletion, may have happened in spite of an error. Package backendtest holds every backend to this.
type Backend interface {
	// Active tells whether the pool's storage can be used now.
	Active(ctx context.Context, p *pooldef.Pool) (bool, error)
	// Space tells the room in an active pool. Its error says why a pool that is not active is not.
	Space(ctx context.Context, p *pooldef.Pool) (pooldef.Space, error)
	// Volumes lists the volumes in the order of pooldef.CompareNames, with what one cheap listing tells: name, key, path.
	// An error ends the listing.
	Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error]
	// Volume returns one volume with all that can be known of it; why the rest cannot, such as for want of permission, stands in
	// its Err. If there is none of that name, the error wraps ErrNoVolume.
	Volume(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error)
}

// What a backend may do besides. As finds it.
type (
	// A Starter makes storage usable and stops that again. A type whose start changes nothing has none.
	Starter interface {
		Start(ctx context.Context, p *pooldef.Pool) error
		Stop(ctx context.Context, p *pooldef.Pool) error
	}
	// A Builder makes the storage that a pool is to live in.
	Builder interface {
		Build(ctx context.Context, p *pooldef.Pool, o BuildOptions) error
	}
	// A Remover unmakes what a Builder made. It refuses where there is data left.
	Remover interface {
		Remove(ctx context.Context, p *pooldef.Pool) error
	}
	// A Discoverer finds sources that pools could be made of.
	Discoverer interface {
		Discover(ctx context.Context, spec *pooldef.Source) ([]pooldef.Source, error)
	}
	// An Observer returns an active pool's definition with what is seen on the machine: permissions, free extents.
	Observer interface {
		Observe(ctx context.Context, p *pooldef.Pool) (*pooldef.Pool, error)
	}
	// A Detailer lists like Volumes, with sizes and formats. What cannot be had of one volume stands in its Err.
	Detailer interface {
		Details(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error]
	}
	// A Locator tells the name of the volume that a path or key means, without listing the pool, or asking whether it is there.
	Locator interface {
		Locate(ctx context.Context, p *pooldef.Pool, pathOrKey string) (name string, ok bool)
	}
	// A Chainer follows what images name as their backing files, to the end of the chain.
	Chainer interface {
		// Chain returns the images below a volume, nearest first: not nil, and empty if it is based on nothing. Of each it tells
		// path, format, sizes, permissions and times. Its type is network if it is none of this host's files or devices; then it ends the
		// chain, and its path is what names it. If one cannot be followed it is the last, and the error says why.
		Chain(ctx context.Context, p *pooldef.Pool, name string) ([]*pooldef.Volume, error)
	}
	// A Creator makes volumes. A name that is taken, also by a volume that is being made, is an error that wraps fs.ErrExist. Nobody
	// sees a volume before it is whole, even if the process that makes it is killed.
	Creator interface {
		Create(ctx context.Context, p *pooldef.Pool, v *pooldef.Volume, o CreateOptions) error
	}
	// A Deleter removes volumes. One that is not there is an error that wraps ErrNoVolume.
	Deleter interface {
		Delete(ctx context.Context, p *pooldef.Pool, name string) error
	}
	// A Renamer gives a volume another name in its pool, at once: it is always there under one of them. One that is not there is an
	// error that wraps ErrNoVolume, a name that is taken one that wraps fs.ErrExist. What names the volume as its backing file is
	// not changed.
	Renamer interface {
		Rename(ctx context.Context, p *pooldef.Pool, name, newName string) error
	}
	// A Sweeper removes what a poolctl that was killed left half-made in a pool, and tells what. What is being made stays.
	Sweeper interface {
		Sweep(ctx context.Context, p *pooldef.Pool) ([]string, error)
	}
)

// BuildOptions tell what may happen to what is there already.
type BuildOptions struct {
	Overwrite   bool // whatever is on the device goes
	NoOverwrite bool // format, but only an empty device
}

// CreateOptions tell how room is made for a new volume.
type CreateOptions struct {
	Preallocation string // "" (as the definition's allocation says), off, metadata, falloc, full
}

// ErrNoVolume is what Volume, Delete and Rename wrap when there is no such volume.
var ErrNoVolume = errors.New("no such volume")

// An UnsupportedError tells that pools of a type cannot do something.
type UnsupportedError struct {
	Type pooldef.Type
	What string // "pool deletion"; empty: anything, there is no backend
}

func (e *UnsupportedError) Error() string {
	if e.What == "" {
		return fmt.Sprintf("this version of poolctl cannot use pools of type %s yet", e.Type)
	}
	return fmt.Sprintf("pools of type %s do not support %s", e.Type, e.What)
}

// A NotReadyError tells that the place where a pool's volumes would be cannot be used.
type NotReadyError struct {
	Pool  string
	Path  string
	Build bool // there is nothing at Path: building the pool may help
}

func (e *NotReadyError) Error() string {
	if e.Build {
		return fmt.Sprintf("the directory %q does not exist", e.Path)
	}
	return fmt.Sprintf("%q must be a mount point, and nothing is mounted there", e.Path)
}

// As returns the capability C of the backend of type t, or an UnsupportedError that says what is not supported.
func As[C any](b Backend, t pooldef.Type, what string) (C, error) {
	if c, ok := b.(C); ok {
		return c, nil
	}
	var none C
	return none, &UnsupportedError{Type: t, What: what}
}
