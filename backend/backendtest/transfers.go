package backendtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"poolctl/backend"
	"poolctl/backend/host"
)

// An uploadCase is an upload and its expected result.
type uploadCase struct {
	offset, data, length int // offset in the volume; bytes available; limit of the upload, 0: none
	fits                 bool
}

// uploadCases returns uploads into a volume of size bytes.
func uploadCases(size int) []uploadCase {
	return []uploadCase{
		{0, size, size, true}, {0, 0, 1, true}, {1, 1, 0, true}, {1, 100, 0, true}, {4095, 8194, 0, true},
		{size - 1, 1, 0, true}, {size, 0, 0, true},
		{size - 512, 512, 0, true}, {512, 8192, 5000, true}, {512, 5000, 8192, true},
		{size - 512, 600, 512, true},
		{0, size + 1, size + 1, false}, {size, 1, 0, false}, {size - 512, 513, 0, false}, {1, size, 0, false},
		{512, size, size - 511, false},
	}
}

// sample returns all elements or, for slow storage, every third.
func sample[T any](s *suite, all []T) []T {
	if !s.Slow {
		return all
	}
	var few []T
	for i := 0; i < len(all); i += 3 {
		few = append(few, all[i])
	}
	return few
}

// testTransfers uploads and downloads volumes and parts of volumes, with files and pipes. Data that do not
// fit must be refused.
func (s *suite) testTransfers() {
	s.setUpPool()
	uploader, downloader := requireCapability[backend.Uploader](s), requireCapability[backend.Downloader](s)
	s.create("neighbour")
	s.create("v")
	if !hasData(s.lookUp("v")) {
		state := s.state()
		s.checkUnsupported(uploader.Upload(s.Context(), s.pool, "v", s.openFile(nil, 0), backend.Transfer{}),
			state, "upload to a volume without data")
		s.checkUnsupported(downloader.Download(s.Context(), s.pool, "v", s.openFile(nil, 0),
			backend.Transfer{}), state, "download a volume without data")
		return
	}
	s.fill("v", 1)
	s.checkInvalidTransfers(uploader, downloader)
	image := s.download("v")
	is := slices.Clone(image)
	for _, sparse := range []bool{false, true} {
		for _, test := range sample(s, uploadCases(len(image))) {
			s.checkUpload(uploader, test, is, sparse)
		}
		s.checkDownloads(downloader, is, sparse)
	}
	if s.isImage() {
		s.checkReplacedImage(image)
	}
	s.upload("v", image)
	if !bytes.Equal(s.download("v"), image) {
		s.Error("the download differs from the upload")
	}
}

// checkUpload uploads from a file and from a pipe; with slow storage, from a file if sparse is set, and
// otherwise from a pipe. is is what the volume contains before and, changed by checkUpload, after that.
func (s *suite) checkUpload(uploader backend.Uploader, test uploadCase, is []byte, sparse bool) {
	s.Helper()
	data, before := Pattern(uint64(test.data), 7), ""
	t := backend.Transfer{Offset: uint64(test.offset), Length: uint64(test.length), Sparse: sparse}
	if test.fits {
		n := test.data
		if test.length > 0 {
			n = min(n, test.length)
		}
		copy(is[test.offset:], data[:n])
	} else {
		before = s.state()
	}
	sources := []*os.File{s.openFile(append([]byte("before"), data...), 6), s.openPipe(data)}
	switch {
	case s.Slow && sparse:
		sources = sources[:1]
	case s.Slow:
		sources = sources[1:]
	}
	for _, from := range sources {
		when := fmt.Sprintf("%+v from %s, sparse %v", test, from.Name(), sparse)
		err := uploader.Upload(s.Context(), s.pool, "v", from, t)
		if test.fits {
			s.ok(err)
		} else {
			s.checkDoesNotFit(err, before, when, from)
			copy(is, s.download("v")) // a pipe's data were written up to the end
			continue
		}
		if !bytes.Equal(s.download("v"), is) {
			s.Fatalf("%s: the volume has other data", when)
		}
	}
}

// checkDoesNotFit checks that data were refused: before anything was written if their length was known,
// otherwise at the end of the volume.
func (s *suite) checkDoesNotFit(err error, before, when string, from *os.File) {
	s.Helper()
	if _, ok := errors.AsType[*host.DoesNotFitError](err); !ok {
		s.Errorf("%s: error %v", when, err)
	}
	if info, statErr := from.Stat(); statErr == nil && info.Mode().IsRegular() {
		s.checkUnchanged(before, when)
	}
}

// checkDownloads downloads parts of a volume, which contains all, into files and pipes.
func (s *suite) checkDownloads(downloader backend.Downloader, all []byte, sparse bool) {
	s.Helper()
	size := len(all)
	for _, part := range sample(s, [][2]int{{0, 0}, {0, 1}, {1, 0}, {4095, 8194}, {size - 1, 0},
		{size - 1, 5}, {size, 0}, {size, 5}, {0, size}, {0, size + 1}}) {
		t := backend.Transfer{Offset: uint64(part[0]), Length: uint64(part[1]), Sparse: sparse}
		want := all[part[0]:]
		if part[1] > 0 && part[1] < len(want) {
			want = want[:part[1]]
		}
		f := s.openFile([]byte("before, and this is overwritten"), 6)
		s.ok(downloader.Download(s.Context(), s.pool, "v", f, t))
		_, err := f.WriteString("behind")
		s.ok(err)
		got, err := os.ReadFile(f.Name())
		s.ok(err)
		wanted := append(append([]byte("before"), want...), "behind"...)
		if !bytes.HasPrefix(got, wanted) {
			s.Errorf("offset %d, length %d, sparse %v: got other data", part[0], part[1], sparse)
		}
		if got := s.downloadThroughPipe(downloader, t); !bytes.Equal(got, want) {
			s.Errorf("offset %d, length %d, through a pipe: got %d other bytes", part[0], part[1], len(got))
		}
	}
}

func (s *suite) downloadThroughPipe(downloader backend.Downloader, t backend.Transfer) []byte {
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

// checkInvalidTransfers tries impossible transfers. Nothing may change.
func (s *suite) checkInvalidTransfers(uploader backend.Uploader, downloader backend.Downloader) {
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
		{s.Context(), "none", backend.Transfer{},
			func(err error) bool { return errors.Is(err, backend.ErrNoVolume) }},
		{cancelled, "v", backend.Transfer{}, func(err error) bool {
			return errors.Is(err, context.Canceled)
		}},
		{s.Context(), "v", beyond, func(err error) bool { return errors.As(err, new(*host.OffsetError)) }},
	} {
		f := s.openFile([]byte("something"), 0)
		if err := uploader.Upload(test.ctx, s.pool, test.name, f, test.t); !test.is(err) {
			s.Errorf("upload %+v to %q: got error %v", test.t, test.name, err)
		}
		if err := downloader.Download(test.ctx, s.pool, test.name, f, test.t); !test.is(err) {
			s.Errorf("download %+v of %q: got error %v", test.t, test.name, err)
		}
		if data, err := os.ReadFile(f.Name()); err != nil || string(data) != "something" {
			s.Errorf("download %+v of %q: the file has %q, error %v", test.t, test.name, data, err)
		}
		s.checkUnchanged(before, "after impossible transfers")
	}
}

// checkReplacedImage uploads images of other sizes than the volume's, from files and pipes. The volume must
// become exactly the uploaded image, with no old data after it.
func (s *suite) checkReplacedImage(image []byte) {
	s.Helper()
	uploader, format := s.b.(backend.Uploader), s.defineVolume("v").Target.Format
	size := s.roundUp(s.Sizes[0])
	for _, disk := range [][]byte{Pattern(2*size, 4), make([]byte, s.unit()), Pattern(size, 5)} {
		other := s.Encode(s.T, format, disk)
		for _, from := range []*os.File{s.openFile(other, 0), s.openPipe(other)} {
			s.upload("v", image)
			s.ok(uploader.Upload(s.Context(), s.pool, "v", from, backend.Transfer{Sparse: len(disk)%2 == 0}))
			if v := s.lookUp("v"); v.Capacity.Bytes != uint64(len(disk)) || v.Target.Format != format ||
				!bytes.Equal(s.download("v"), other) {
				s.Errorf("uploaded an image of %d bytes, got %+v", len(disk), *v)
			}
		}
	}
}
