package backend

import (
	"context"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Capabilities of backends whose images are based on others. The data that a guest sees in the image stay the
// same, also if the process is killed; RenameBacking is the exception. An image that a process uses is an
// error. Flatten and Commit leave images without a backing file as they are.
type (
	// A Flattener copies into an image what it needs of its backing files, and makes it independent of them.
	Flattener interface {
		Flatten(ctx context.Context, p *pooldef.Pool, name string, o ChainOptions) error
	}
	// A Committer writes the data of an image into its backing file, and empties the image.
	Committer interface {
		Commit(ctx context.Context, p *pooldef.Pool, name string, o ChainOptions) error
	}
	// A Rebaser changes what images are based on.
	Rebaser interface {
		// Rebase bases an image on another one of the path and format onto, and copies into it what differs. The
		// path may be relative to the pool's directory.
		Rebase(ctx context.Context, p *pooldef.Pool, name string, onto *pooldef.VolumeTarget, o ChainOptions) error
		// RenameBacking writes the path and format onto into an image's header, and changes nothing else. The file
		// need not exist.
		RenameBacking(ctx context.Context, p *pooldef.Pool, name string, onto *pooldef.VolumeTarget) error
	}
)

// A Linker gives a volume a second name. If the name is in use by another volume, the error wraps
// fs.ErrExist; if the volume has both names already, Link succeeds. Deleting one of the names leaves the
// other.
type Linker interface {
	Link(ctx context.Context, p *pooldef.Pool, name, newName string) error
}

// ChainOptions control a change of a backing chain.
type ChainOptions struct {
	MayRead  MayRead // nil: no backing file may be read
	Progress host.Progress
}
