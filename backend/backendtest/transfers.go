package backendtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"poolctl/backend"
	"poolctl/backend/host"
)

// A transferring is data that are uploaded, and what becomes of it.
type transferring struct {
	offset, data, length int // in the volume; how many there are; at most so many are to be uploaded, 0: all
	fits                 bool
}

// transferrings returns what to upload into a volume of so many bytes.
func transferrings(size int) []transferring {
	return []transferring{
		{0, size, size, true}, {0, 0, 1, true}, {1, 1, 0, true}, {1, 100, 0, true}, {4095, 8194, 0, true}, {size - 1, 1, 0, true}, {size, 0, 0, true},
		{size - 512, 512, 0, true}, {512, 8192, 5000, true}, {512, 5000, 8192, true}, {size - 512, 600, 512, true},
		{0, size + 1, size + 1, false}, {size, 1, 0, false}, {size - 512, 513, 0, false}, {1, size, 0, false}, {512, size, size - 511, false},
	}
}

// some returns all of a list, or every third where that would take too long.
func some[T any](s *suite, all []T) []T {
	if !s.Slow {
		return all
	}
	var few []T
	for i := 0; i < len(all); i += 3 {
		few = append(few, all[i])
	}
	return few
}

// transfers uploads and downloads all of a volume and parts of it, by files and pipes. What does not fit is refused.
func (s *suite) transfers() {
	s.ready()
	uploader, downloader := needs[backend.Uploader](s), needs[backend.Downloader](s)
	s.create("neighbour")
	s.create("v")
	if !hasData(s.the("v")) {
		state := s.state()
		s.refuses(uploader.Upload(s.Context(), s.pool, "v", s.file(nil, 0), backend.Transfer{}), state, "uploaded into what has no data")
		s.refuses(downloader.Download(s.Context(), s.pool, "v", s.file(nil, 0), backend.Transfer{}), state, "downloaded what has no data")
		return
	}
	s.fill("v", 1)
	s.noTransfer(uploader, downloader)
	image := s.download("v")
	for _, sparse := range []bool{false, true} {
		for _, test := range some(s, transferrings(len(image))) {
			s.uploaded(uploader, test, sparse)
		}
		s.downloads(downloader, sparse)
	}
	if s.isImage() {
		s.becomes(image)
	}
	s.upload("v", image)
	if !bytes.Equal(s.download("v"), image) {
		s.Error("uploaded, it is not what is downloaded")
	}
}

// uploaded uploads from a file and from a pipe.
func (s *suite) uploaded(uploader backend.Uploader, test transferring, sparse bool) {
	s.Helper()
	want, data := s.download("v"), Pattern(uint64(test.data), 7)
	t := backend.Transfer{Offset: uint64(test.offset), Length: uint64(test.length), Sparse: sparse}
	if test.fits {
		n := test.data
		if test.length > 0 {
			n = min(n, test.length)
		}
		copy(want[test.offset:], data[:n])
	}
	before := s.state()
	for _, from := range []*os.File{s.file(append([]byte("before"), data...), 6), s.pipe(data)} {
		when := fmt.Sprintf("%+v from %s, sparse %v", test, from.Name(), sparse)
		err := uploader.Upload(s.Context(), s.pool, "v", from, t)
		if test.fits {
			s.ok(err)
		} else {
			s.doesNotFit(err, before, when, from)
			continue
		}
		if !bytes.Equal(s.download("v"), want) {
			s.Fatalf("%s: that is not what is there", when)
		}
	}
}

// doesNotFit checks that data were refused: before the first is written if their number is known, and otherwise behind the last byte
// of the volume.
func (s *suite) doesNotFit(err error, before, when string, from *os.File) {
	s.Helper()
	many := (*host.DoesNotFitError)(nil)
	if !errors.As(err, &many) {
		s.Errorf("%s: error %v", when, err)
	}
	if info, statErr := from.Stat(); statErr == nil && info.Mode().IsRegular() {
		s.same(before, when)
	}
}

// downloads downloads parts, into files and pipes.
func (s *suite) downloads(downloader backend.Downloader, sparse bool) {
	s.Helper()
	all := s.download("v")
	size := len(all)
	for _, part := range some(s, [][2]int{{0, 0}, {0, 1}, {1, 0}, {4095, 8194}, {size - 1, 0}, {size - 1, 5}, {size, 0}, {size, 5}, {0, size}, {0, size + 1}}) {
		t := backend.Transfer{Offset: uint64(part[0]), Length: uint64(part[1]), Sparse: sparse}
		want := all[part[0]:]
		if part[1] > 0 && part[1] < len(want) {
			want = want[:part[1]]
		}
		f := s.file([]byte("before, and this is overwritten"), 6)
		s.ok(downloader.Download(s.Context(), s.pool, "v", f, t))
		_, err := f.WriteString("behind")
		s.ok(err)
		got, err := os.ReadFile(f.Name())
		s.ok(err)
		wanted := append(append([]byte("before"), want...), "behind"...)
		if !bytes.HasPrefix(got, wanted) {
			s.Errorf("from %d on %d bytes, sparse %v: not what is there", part[0], part[1], sparse)
		}
		if got := s.throughPipe(downloader, t); !bytes.Equal(got, want) {
			s.Errorf("from %d on %d bytes, through a pipe: got %d", part[0], part[1], len(got))
		}
	}
}

func (s *suite) throughPipe(downloader backend.Downloader, t backend.Transfer) []byte {
	s.Helper()
	out, in, err := os.Pipe()
	s.ok(err)
	defer out.Close()
	got := make(chan []byte)
	go func() {
		data, _ := io.ReadAll(out)
		got <- data
	}()
	err = downloader.Download(s.Context(), s.pool, "v", in, t)
	in.Close()
	data := <-got
	s.ok(err)
	return data
}

// noTransfer asks for what cannot be. Nothing changes.
func (s *suite) noTransfer(uploader backend.Uploader, downloader backend.Downloader) {
	s.Helper()
	before, beyond := s.state(), backend.Transfer{Offset: uint64(len(s.download("v"))) + 1}
	cancelled, cancel := context.WithCancel(s.Context())
	cancel()
	for _, test := range []struct {
		ctx  context.Context
		name string
		t    backend.Transfer
		is   func(error) bool
	}{
		{s.Context(), "none", backend.Transfer{}, func(err error) bool { return errors.Is(err, backend.ErrNoVolume) }},
		{cancelled, "v", backend.Transfer{}, func(err error) bool { return errors.Is(err, context.Canceled) }},
		{s.Context(), "v", beyond, func(err error) bool { return errors.As(err, new(*host.OffsetError)) }},
	} {
		f := s.file([]byte("something"), 0)
		if err := uploader.Upload(test.ctx, s.pool, test.name, f, test.t); !test.is(err) {
			s.Errorf("uploaded to %+v of %q: error %v", test.t, test.name, err)
		}
		if err := downloader.Download(test.ctx, s.pool, test.name, f, test.t); !test.is(err) {
			s.Errorf("downloaded %+v of %q: error %v", test.t, test.name, err)
		}
		if data, err := os.ReadFile(f.Name()); err != nil || string(data) != "something" {
			s.Errorf("downloaded %+v of %q: there is %q, error %v", test.t, test.name, data, err)
		}
		s.same(before, "nothing uploaded")
	}
}

// becomes uploads images of other sizes than a volume has. It becomes what is uploaded, by file and by pipe, and nothing of what it
// was is left behind it.
func (s *suite) becomes(image []byte) {
	s.Helper()
	uploader, format := s.b.(backend.Uploader), s.volume("v").Target.Format
	size := s.rounded(s.Sizes[0])
	for _, disk := range [][]byte{Pattern(2*size, 4), make([]byte, s.unit()), Pattern(size, 5)} {
		other := s.Encode(s.T, format, disk)
		for _, from := range []*os.File{s.file(other, 0), s.pipe(other)} {
			s.upload("v", image)
			s.ok(uploader.Upload(s.Context(), s.pool, "v", from, backend.Transfer{Sparse: len(disk)%2 == 0}))
			if v := s.the("v"); v.Capacity.Bytes != uint64(len(disk)) || v.Target.Format != format || !bytes.Equal(s.download("v"), other) {
				s.Errorf("an image of %d bytes was uploaded, and %+v is there", len(disk), *v)
			}
		}
	}
}
