package backendtest

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Pattern returns bytes that are the same for the same seed, and of which the second quarter is zeros.
func Pattern(size uint64, seed byte) []byte {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(data)
	clear(data[size/4 : size/2])
	return data
}

// Convert converts the bytes of an image by qemu-img, which has the names of the formats, too.
func Convert(t testing.TB, from, to string, data []byte) []byte {
	t.Helper()
	if from == to {
		return data
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	Change(t, host.WriteFile{Path: in, Data: data}, host.Cmd("qemu-img", "convert", "-q", "-f", from, "-O", to, in, out))
	converted, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	Change(t, host.Unlink{Path: in}, host.Unlink{Path: out})
	return converted
}

// file returns an open file that holds data and stands at a position.
func (s *suite) file(data []byte, at int64) *os.File {
	s.Helper()
	f, err := os.OpenFile(filepath.Join(s.TempDir(), "data"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	s.ok(err)
	s.Cleanup(func() { f.Close() })
	_, err = f.Write(data)
	s.ok(err)
	_, err = f.Seek(at, io.SeekStart)
	s.ok(err)
	return f
}

// pipe returns the end of a pipe at which data come out.
func (s *suite) pipe(data []byte) *os.File {
	s.Helper()
	out, in, err := os.Pipe()
	s.ok(err)
	s.Cleanup(func() { out.Close() })
	go func() {
		_, _ = in.Write(data)
		in.Close()
	}()
	return out
}

// upload writes data into a volume, from its first byte on. It has to work.
func (s *suite) upload(name string, data []byte) {
	s.Helper()
	s.ok(needs[backend.Uploader](s).Upload(s.Context(), s.pool, name, s.file(data, 0), backend.Transfer{}))
}

// download returns all bytes of a volume.
func (s *suite) download(name string) []byte {
	s.Helper()
	f := s.file(nil, 0)
	s.ok(needs[backend.Downloader](s).Download(s.Context(), s.pool, name, f, backend.Transfer{}))
	data, err := os.ReadFile(f.Name())
	s.ok(err)
	return data
}

// disk returns what a guest sees of a volume.
func (s *suite) disk(name string) []byte {
	s.Helper()
	data := s.download(name)
	if s.Decode != nil {
		data = s.Decode(s.T, s.the(name).Target.Format, data)
	}
	return data
}

// isImage tells whether volumes are images, which have more in them than what a guest sees.
func (s *suite) isImage() bool { return s.Encode != nil && s.volume("v").Target.Format != "raw" }

// fill makes what a guest sees of a volume a pattern, which it returns.
func (s *suite) fill(name string, seed byte) []byte {
	s.Helper()
	v := s.the(name)
	data := Pattern(v.Capacity.Bytes, seed)
	image := data
	if s.Encode != nil {
		image = s.Encode(s.T, v.Target.Format, data)
	}
	s.upload(name, image)
	return data
}

// the returns a volume that is there.
func (s *suite) the(name string) *pooldef.Volume {
	s.Helper()
	v, err := s.b.Volume(s.Context(), s.pool, name)
	s.ok(err)
	s.ok(v.Err)
	return v
}

// holds fails the test if a guest does not see the data in a volume, and zeros behind them.
func (s *suite) holds(name string, data []byte, when string) {
	s.Helper()
	disk := s.disk(name)
	if len(disk) < len(data) || !bytes.Equal(disk[:len(data)], data) {
		s.Fatalf("%s: %q does not hold its data any more", when, name)
	}
	if !isZero(disk[len(data):]) {
		s.Fatalf("%s: there is something in %q behind its data", when, name)
	}
}

func isZero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

// hasData tells whether a volume is one whose data can be moved: the others, such as directories, have to be refused.
func hasData(v *pooldef.Volume) bool {
	return v.Type == "file" || v.Type == "block" || v.Type == "network"
}

// refuses fails the test if something was not refused as unsupported, or has changed something.
func (s *suite) refuses(err error, state, what string) {
	s.Helper()
	if !isUnsupported(err) {
		s.Errorf("%s: error %v", what, err)
	}
	s.same(state, what)
}

// fails fails the test if something was not refused, or has changed something.
func (s *suite) fails(err error, state, what string) {
	s.Helper()
	if err == nil {
		s.Errorf("%s: there is no error", what)
	}
	s.same(state, what)
}
