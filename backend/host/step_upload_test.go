package host

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/sparse"
)

// pipe returns the end of a pipe to read data from. The writer then closes its end, unless it stays.
func pipe(t testing.TB, data []byte, stays bool) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	go func() {
		_, _ = w.Write(data)
		if !stays {
			w.Close()
		}
	}()
	return r
}

// sources are ways to pass the same data to an upload.
var sources = map[string]func(t testing.TB, data []byte) *os.File{
	"file": func(t testing.TB, data []byte) *os.File {
		path := t.TempDir() + "/source"
		put(t, path, data)
		return open(t, path, os.O_RDONLY)
	},
	"append": func(t testing.TB, data []byte) *os.File {
		path := t.TempDir() + "/source"
		put(t, path, data)
		return open(t, path, os.O_RDWR|os.O_APPEND)
	},
	"pipe": func(t testing.TB, data []byte) *os.File { return pipe(t, data, false) },
}

// eachSource runs a test with each of the sources, and with files and devices of 4 MiB that are full of old
// data.
func eachSource(t *testing.T,
	test func(t *testing.T, from func([]byte) *os.File, target string, old []byte)) {
	const size = 4 << 20
	for name, source := range sources {
		from := func(t *testing.T) func([]byte) *os.File {
			return func(data []byte) *os.File { return source(t, data) }
		}
		t.Run(name+" to file", func(t *testing.T) {
			target := t.TempDir() + "/target"
			put(t, target, random(99, size))
			test(t, from(t), target, random(99, size))
		})
		t.Run(name+" to device", func(t *testing.T) { test(t, from(t), device(t, size), random(99, size)) })
	}
}

func TestUpload(t *testing.T) {
	l := &Local{}
	eachSource(t, func(t *testing.T, from func([]byte) *os.File, target string, old []byte) {
		for _, u := range []Upload{
			{}, {Offset: 1}, {Offset: 1<<20 + 77}, {Length: 1}, {Length: 100_001, Offset: 3}, {Length: 2 << 20},
			{Offset: 1<<20 - 1},
		} {
			data := random(u.Offset, 2<<20+1)
			u.From, u.Path = from(data), target
			do(t, l, u)
			if u.Length > 0 {
				data = data[:min(u.Length, uint64(len(data)))]
			}
			copy(old[u.Offset:], data)
			holds(t, target, old)
		}
		do(t, l, Upload{From: from(nil), Path: target}, Upload{From: from(nil), Path: target, Offset: 4 << 20})
		holds(t, target, old)
	})
}

// TestUploadFits uploads exactly as much as fits, and a byte more.
func TestUploadFits(t *testing.T) {
	l := &Local{}
	eachSource(t, func(t *testing.T, from func([]byte) *os.File, target string, old []byte) {
		data := random(1, 4<<20+1)
		for _, offset := range []int{0, 1, 4<<20 - 1, 4 << 20} {
			if offset < 4<<20 {
				do(t, l, Upload{From: from(data[offset : 4<<20]), Path: target, Offset: uint64(offset),
					Length: uint64(4<<20 - offset)})
			}
			do(t, l, Upload{From: from(data[offset : 4<<20]), Path: target, Offset: uint64(offset)})
			copy(old[offset:], data[offset:])
			holds(t, target, old)
			u := Upload{From: from(data[offset:]), Path: target, Offset: uint64(offset)}
			u.Length = uint64(offset % 2 * (5 << 20))
			_, known := sparse.Position(u.From)
			if known {
				u.Progress = never(t)
			}
			err := fails(t, l, u)
			e := isA[*DoesNotFitError](t, err)
			incomplete, began := errors.AsType[*IncompleteError](err)
			room := uint64(4<<20 - offset)
			if e.Room != room || e.Offset != u.Offset || known && (e.Size != room+1 || began) || !known &&
				room > 0 && incomplete.Done != room {
				t.Errorf("at %d: %v", offset, err)
			}
			holds(t, target, old)
		}
		for _, offset := range []uint64{4<<20 + 1, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64} {
			if e := isA[*OffsetError](t, fails(t, l, Upload{From: from(data), Path: target,
				Offset: offset})); e.Size != 4<<20 {
				t.Error(e)
			}
		}
		holds(t, target, old)
	})
}

// TestUploadWhole replaces a file. A device keeps its size.
func TestUploadWhole(t *testing.T) {
	l := &Local{}
	eachSource(t, func(t *testing.T, from func([]byte) *os.File, target string, old []byte) {
		small := random(1, 1<<20+1)
		do(t, l, Upload{From: from(small), Path: target, Whole: true})
		if sparse.IsRegular(open(t, target, os.O_RDONLY)) {
			holds(t, target, small)
			big := random(2, 6<<20+1)
			do(t, l, Upload{From: from(big), Path: target, Whole: true})
			holds(t, target, big)
			do(t, l, Upload{From: from(nil), Path: target, Whole: true})
			holds(t, target, nil)
			for _, offset := range []uint64{math.MaxInt64 + 1, math.MaxUint64} {
				fails(t, l, Upload{From: from(small), Path: target, Whole: true, Offset: offset})
			}
			holds(t, target, nil)
			return
		}
		copy(old, small)
		holds(t, target, old)
		isA[*DoesNotFitError](t, fails(t, l, Upload{From: from(random(2, 6<<20)), Path: target, Whole: true}))
	})
}

// TestUploadSparse uploads holes over old data.
func TestUploadSparse(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	s := sparseFile{4<<20 - 5, [][2]int64{{0, 10}, {1<<20 + 5, 1<<20 + 90_000}, {4<<20 - 100, 4<<20 - 5}}}
	all := s.write(t, dir+"/source")
	eachSource(t, func(t *testing.T, from func([]byte) *os.File, target string, old []byte) {
		for _, isSparse := range []bool{false, true} {
			put(t, dir+"/old", old)
			for _, in := range []*os.File{open(t, dir+"/source", os.O_RDONLY), from(all)} {
				do(t, l, Upload{From: open(t, dir+"/old", os.O_RDONLY), Path: target},
					Upload{From: in, Path: target, Offset: 5, Sparse: isSparse})
				copy(old[5:], all)
				holds(t, target, old)
				if !sparse.IsRegular(open(t, target, os.O_RDONLY)) || isSparse && sparse.IsRegular(in) &&
					in.Name() != dir+"/source" {
					continue // devices have no holes, and only the holes of files become holes
				}
				if got := room(t, target); isSparse && got > 300_000 || !isSparse && got < 4<<20 {
					t.Errorf("sparse %v: it occupies %d bytes", isSparse, got)
				}
			}
		}
	})
}

// TestUploadFromPosition uploads from the current offset of a file, and checks that reading can continue
// behind the data.
func TestUploadFromPosition(t *testing.T) {
	l := &Local{}
	data := random(1, 3<<20)
	for name, source := range sources {
		t.Run(name, func(t *testing.T) {
			dir, from := t.TempDir(), source(t, data)
			put(t, dir+"/target", make([]byte, 1<<20))
			if _, err := io.ReadFull(from, make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
			do(t, l, Upload{From: from, Path: dir + "/target", Length: 1 << 20})
			holds(t, dir+"/target", data[1000:][:1<<20])
			do(t, l, Upload{From: from, Path: dir + "/target", Length: 1 << 19})
			holds(t, dir+"/target", append(data[1000+1<<20:][:1<<19:1<<19], data[1000+1<<19:][:1<<19]...))
			rest, err := io.ReadAll(from)
			if err != nil || !bytes.Equal(rest, data[1000+3<<19:]) {
				t.Errorf("%d bytes follow, error %v", len(rest), err)
			}
		})
	}
	from := open(t, device(t, 1<<20), os.O_RDONLY)
	target := t.TempDir() + "/target"
	put(t, target, make([]byte, 1000))
	do(t, l, Upload{From: from, Path: target, Length: 1000}, Upload{From: from, Path: target, Length: 1000})
	holds(t, target, random(99, 1<<20)[1000:2000])
	if _, err := from.Seek(1<<20-500, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	do(t, l, Upload{From: from, Path: target})
	holds(t, target, append(random(99, 1<<20)[1<<20-500:], random(99, 1<<20)[1500:2000]...))
	beyond := open(t, target, os.O_RDONLY)
	if _, err := beyond.Seek(5000, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	do(t, l, Upload{From: beyond, Path: device(t, 512), Length: 1})
}

// TestUploadOfItself copies a file over itself, which must fail.
func TestUploadOfItself(t *testing.T) {
	l, target := &Local{}, t.TempDir()+"/target"
	put(t, target, random(1, 3<<20))
	for _, u := range []Upload{{}, {Offset: 1 << 20, Length: 2 << 20}, {Whole: true, Offset: 5}} {
		u.From, u.Path = open(t, target, os.O_RDONLY), target
		if err := l.Change(t.Context(), u); err == nil {
			t.Errorf("%+v succeeded", u)
		}
		holds(t, target, random(1, 3<<20))
	}
}

// TestUploadFull checks that the error contains how many bytes were written.
func TestUploadFull(t *testing.T) {
	l, dir := &Local{}, tmpfs(t, 1<<10)
	for name, source := range sources {
		for size, left := range map[int]int{10 << 20: 1 << 20, 400_000: 200_000} {
			t.Run(name, func(t *testing.T) {
				run(t, "truncate", "-s", "0", dir+"/target")
				run(t, "truncate", "-s", "11M", dir+"/target")
				put(t, dir+"/other", random(9, 1<<20-left))
				data := random(1, size)
				err := fails(t, l, Upload{From: source(t, data), Path: dir + "/target"})
				run(t, "rm", dir+"/other")
				if e := isA[*IncompleteError](t, err); !errors.Is(err, unix.ENOSPC) ||
					!bytes.Equal(get(t, dir+"/target")[:e.Done], data[:e.Done]) ||
					bytes.ContainsFunc(get(t, dir+"/target")[e.Done:], func(r rune) bool { return r != 0 }) {
					t.Error(err)
				}
			})
		}
	}
}

// TestUploadCancelled waits for a writer that never writes: at the start, in the middle, and when the space
// is used up.
func TestUploadCancelled(t *testing.T) {
	l, target := &Local{}, t.TempDir()+"/target"
	put(t, target, make([]byte, 1<<20))
	for _, n := range []int{0, 1000, 300_000, 1 << 20} {
		ctx, cancel := context.WithCancel(t.Context())
		u := Upload{From: pipe(t, make([]byte, n), true), Path: target, Progress: func(done, _ uint64) {
			if int(done) >= n/sparse.StreamBuffer*sparse.StreamBuffer {
				cancel()
			}
		}}
		if n < sparse.StreamBuffer {
			cancel()
		}
		upload := func() error { return l.Change(ctx, changing{u}) }
		if err := soon(t, "an upload", upload); !errors.Is(err, context.Canceled) {
			t.Errorf("after %d bytes: %v", n, err)
		}
		cancel()
	}
	ctx, cancel := context.WithCancel(t.Context())
	file := t.TempDir() + "/source"
	put(t, file, make([]byte, 40<<20))
	run(t, "truncate", "-s", "40M", target)
	err := l.Change(ctx, Upload{From: open(t, file, os.O_RDONLY), Path: target, Progress: once(cancel)})
	if e := isA[*IncompleteError](t, err); !errors.Is(err, context.Canceled) || e.Done == 0 || e.Done == 40<<20 {
		t.Error(err)
	}
}

// A changing step is applied although ctx has ended.
type changing struct{ Step }

func (changing) Shell() string { return "" }

// TestUploadShrinks truncates the source during the upload.
func TestUploadShrinks(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	put(t, dir+"/source", make([]byte, 80<<20))
	put(t, dir+"/target", make([]byte, 1))
	err := fails(t, l, Upload{From: open(t, dir+"/source", os.O_RDONLY), Path: dir + "/target", Whole: true,
		Progress: once(func() { run(t, "truncate", "-s", "50M", dir+"/source") })})
	if e := isA[*IncompleteError](t, err); e.Done != 50<<20 {
		t.Error(err)
	}
}
