// Package fetch downloads disk images from servers: over HTTPS, with a checksum, unpacked.
//
// Neither a server nor an image is trusted. The data are first stored as served, in a private directory.
// Nothing reads them before their checksum is right: not the program that unpacks them, nor the code that
// reads image headers. Both curl and that program run confined ([host.Confinement]).
//
// A download that ends early stays in the directory, and the next one of the same URL continues it, whatever
// the type of the pool. The checksum is that of the whole.
package fetch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"poolctl/backend/host"
)

// A Source is an image on a server.
type Source struct {
	URL string
	// Insecure allows http. A URL of https is never redirected to http.
	Insecure bool
	Sum      Sum // of the data as served; the zero value: none is checked
	// MaxSize is how many bytes the image may have, packed or not, as may the disk in it; 0: as many as there is
	// room for.
	MaxSize uint64
	// Dir is a directory of root or the running user, for the data until the volume is complete.
	Dir     string
	Timeout time.Duration // how long a server may not answer
}

// A File is an image that was downloaded. The caller calls Close.
type File struct {
	Dir, Name string
	// Keep keeps what was downloaded when the File is closed, for another try. It is set while that has the
	// right checksum; without one, nobody could use it.
	Keep bool

	host   host.Host
	packed *host.KeptFile
}

// Path returns the path of the image.
func (f *File) Path() string { return filepath.Join(f.Dir, f.Name) }

// Download downloads, checks and unpacks an image. The image, and what was downloaded, have at most room
// bytes, unless MaxSize says otherwise. In a dry run, the file does not exist.
func (s Source) Download(
	ctx context.Context, h host.Host, room uint64, progress host.Progress,
) (f *File, err error) {
	c, err := s.curl(s.URL)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%.8x", sha256.Sum256([]byte(s.URL)))
	f = &File{Dir: s.Dir, Name: name, host: h, packed: &host.KeptFile{Path: filepath.Join(s.Dir, name)}}
	if err := h.Change(ctx, f.packed); err != nil {
		f.packed.Close()
		return nil, err
	}
	f.Keep = s.Sum.isKnown()
	if err = s.download(ctx, f, c, room, progress); err == nil {
		err = s.unpack(ctx, f, room, progress)
	}
	if err != nil {
		f.Close(ctx)
		return nil, err
	}
	return f, nil
}

// download stores the data as served, and checks their sum.
func (s Source) download(
	ctx context.Context, f *File, c host.Command, room uint64, progress host.Progress,
) error {
	limit := s.MaxSize
	if limit == 0 {
		limit = min(room, freeIn(f))
	}
	step := host.Fetch{Command: c, To: f.packed, Resume: s.Sum.isKnown(), Limit: limit, Progress: progress}
	err := s.fetchAndCheck(ctx, f, step)
	if isMismatch(err) && f.packed.WasThere() {
		step.Resume = false // the server may have replaced the file since
		err = s.fetchAndCheck(ctx, f, step)
	}
	switch {
	case isMismatch(err):
		f.Keep = false
		return &SumError{URL: s.URL, Err: err}
	case errors.As(err, new(*host.TooLargeError)):
		f.Keep = false
	}
	return err
}

func isMismatch(err error) bool { return errors.As(err, new(*host.SumError)) }

// freeIn returns how many bytes the directory of a file has room for. A tenth remains free, for others.
func freeIn(f *File) uint64 {
	space, err := f.host.Space(f.Dir)
	if err != nil { // a dry run
		return 0
	}
	return space.Free - space.Free/10
}

// fetchAndCheck downloads, unless what is there has the right sum already.
func (s Source) fetchAndCheck(ctx context.Context, f *File, step host.Fetch) error {
	check := host.CheckSum{File: f.packed, Algorithm: s.Sum.Algorithm, Sum: s.Sum.Hex}
	if step.Resume && f.packed.WasThere() && f.host.Change(ctx, check) == nil {
		return nil
	}
	err := s.explain(f.host.Change(ctx, step))
	if err == nil && s.Sum.isKnown() {
		err = f.host.Change(ctx, check)
	}
	return err
}

// LargestImage returns how many bytes the file of an image has at most, if its disk has size bytes: the
// tables of an image take less than an eighth and 16 MiB (qcow2 with the smallest and the largest clusters).
func LargestImage(size uint64) uint64 { return size + size/8 + 16<<20 }

// Close removes the image, and what was downloaded unless Keep is set and there is something to keep.
func (f *File) Close(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	if f.Path() != f.packed.Path {
		_ = f.host.Change(ctx, host.Unlink{Path: f.Path()})
	}
	if !f.Keep || f.packed.IsEmpty() {
		_ = f.host.Change(ctx, host.Unlink{Path: f.packed.Path})
	}
	f.packed.Close()
}
