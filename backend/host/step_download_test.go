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
)

// collect returns the end of a pipe to write to. The function returns what was written, once that end is
// closed.
func collect(t testing.TB) (*os.File, func() []byte) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	all := make(chan []byte, 1)
	go func() {
		data, _ := io.ReadAll(r)
		all <- data
	}()
	return w, func() []byte {
		w.Close()
		return <-all
	}
}

var pieces = []Download{
	{}, {Offset: 1}, {Offset: 1<<20 + 77}, {Length: 1}, {Length: 100_001, Offset: 3}, {Length: 3 << 20},
	{Length: math.MaxUint64},
	{Offset: 3<<20 + 100}, {Offset: 3<<20 + 99, Length: 2},
}

func (d Download) of(all []byte) []byte {
	part := all[d.Offset:]
	if d.Length > 0 {
		part = part[:min(d.Length, uint64(len(part)))]
	}
	return part
}

// TestDownload downloads files and devices to open files of several kinds.
func TestDownload(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	s := sparseFile{3<<20 + 100, [][2]int64{{0, 100}, {1<<20 + 1, 1<<20 + 200_000}, {3<<20 + 50, 3<<20 + 90}}}
	file := s.write(t, dir+"/source")
	loop := device(t, 4<<20)
	do(t, l, CopyInto{From: Source{Path: dir + "/source"}, Path: loop})
	target := device(t, 5<<20)
	for source, all := range map[string][]byte{dir + "/source": file,
		loop: append(bytes.Clone(file), make([]byte, 1<<20-100)...)} {
		for _, d := range pieces {
			for _, d.Sparse = range []bool{false, true} {
				d.From.Path = source
				part := d.of(all)
				to, done := collect(t)
				d.To = to
				do(t, l, d)
				if !bytes.Equal(done(), part) {
					t.Errorf("%+v: wrong data came through the pipe", d)
				}
				downloadTo(t, l, d, dir, part)
				put(t, target, random(7, 5<<20))
				d.To = open(t, target, os.O_WRONLY)
				do(t, l, d)
				holds(t, target, append(bytes.Clone(part), random(7, 5<<20)[len(part):]...))
			}
		}
		for _, offset := range []uint64{uint64(len(all)) + 1, math.MaxInt64 + 1, math.MaxUint64} {
			isA[*OffsetError](t, fails(t, l, Download{From: Source{Path: source}, To: open(t, target, os.O_WRONLY),
				Offset: offset}))
		}
	}
}

// downloadTo downloads to files: at an offset in the middle of data that stay, and at the end.
func downloadTo(t *testing.T, l *Local, d Download, dir string, part []byte) {
	t.Helper()
	old := random(8, 6<<20)
	put(t, dir+"/to", old)
	to := open(t, dir+"/to", os.O_WRONLY)
	if _, err := to.Seek(1001, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	d.To = to
	do(t, l, d)
	if _, err := to.WriteString("next"); err != nil {
		t.Fatal(err)
	}
	want := append(append(bytes.Clone(old[:1001]), part...), "next"...)
	holds(t, dir+"/to", append(want, old[len(want):]...))
	put(t, dir+"/to", []byte("before"))
	d.To = open(t, dir+"/to", os.O_WRONLY|os.O_APPEND)
	do(t, l, d)
	holds(t, dir+"/to", append([]byte("before"), part...))
	put(t, dir+"/to", nil)
	d.To = open(t, dir+"/to", os.O_WRONLY)
	do(t, l, d)
	holds(t, dir+"/to", part)
	if got := room(t, dir+"/to"); d.Sparse && got > 250_000 || !d.Sparse && got < int64(len(part)) {
		t.Errorf("%+v: %d bytes occupy %d", d, len(part), got)
	}
}

// TestDownloadTooLarge downloads data that do not fit on a device.
func TestDownloadTooLarge(t *testing.T) {
	l, dir, target := &Local{}, t.TempDir(), device(t, 1<<20)
	put(t, dir+"/source", make([]byte, 1<<20+1))
	to := open(t, target, os.O_WRONLY)
	isA[*DoesNotFitError](t, fails(t, l, Download{From: Source{Path: dir + "/source"}, To: to}))
	if _, err := to.Seek(1, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	isA[*DoesNotFitError](t, fails(t, l, Download{From: Source{Path: dir + "/source"}, To: to, Length: 1 << 20}))
	holds(t, target, random(99, 1<<20))
	do(t, l, Download{From: Source{Path: dir + "/source"}, To: to, Length: 1<<20 - 1})
}

// TestDownloadToItself copies a file over itself, or behind itself, which must fail.
func TestDownloadToItself(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	put(t, dir+"/source", random(1, 1<<20))
	for _, flags := range []int{os.O_RDWR, os.O_RDWR | os.O_APPEND} {
		fails(t, l, Download{From: Source{Path: dir + "/source"}, To: open(t, dir+"/source", flags), Offset: 1})
		isA[*InUseError](t, fails(t, l, committedDownload{dir + "/source",
			Download{From: Source{Path: dir + "/source"}}}))
		holds(t, dir+"/source", random(1, 1<<20))
	}
}

// TestDownloadReaderGone closes the other end of the pipe, or does not read from it.
func TestDownloadReaderGone(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	put(t, dir+"/source", make([]byte, 8<<20))
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	d := Download{From: Source{Path: dir + "/source"}, To: w, Progress: once(cancel)}
	download := func() error { return l.Change(ctx, d) }
	if err := soon(t, "a download", download); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	d.Progress = nil
	r.Close()
	if err := fails(t, l, d); !errors.Is(err, unix.EPIPE) {
		t.Error(err)
	}
}

// TestDownloadShrinks truncates the source during the download: missing data must not become zeros.
func TestDownloadShrinks(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	for _, isSparse := range []bool{false, true} {
		put(t, dir+"/source", make([]byte, 80<<20))
		shrink := once(func() { run(t, "truncate", "-s", "70M", dir+"/source") })
		fails(t, l, Download{From: Source{Path: dir + "/source"}, To: open(t, dir+"/to", os.O_WRONLY|os.O_CREATE),
			Sparse: isSparse, Progress: shrink})
	}
	put(t, dir+"/source", make([]byte, 80<<20))
	to, done := collect(t)
	fails(t, l, Download{From: Source{Path: dir + "/source"}, To: to,
		Progress: once(func() { run(t, "truncate", "-s", "70M", dir+"/source") })})
	if got := done(); len(got) != 70<<20 {
		t.Errorf("%d bytes came", len(got))
	}
}

func TestDownloadFull(t *testing.T) {
	l, dir := &Local{}, tmpfs(t, 1<<10)
	put(t, dir+"/source", random(1, 700<<10))
	put(t, dir+"/old", []byte("old"))
	for _, path := range []string{dir + "/old", dir + "/new"} {
		refuse(t, l, dir, committedDownload{path, Download{From: Source{Path: dir + "/source"}}}, unix.ENOSPC)
	}
}
