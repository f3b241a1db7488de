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

// Pattern returns size bytes that depend only on the seed. The second quarter is zeros.
func Pattern(size uint64, seed byte) []byte {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(data)
	clear(data[size/4 : size/2])
	return data
}

// Convert converts an image with qemu-img. from and to are qemu-img's names of formats.
func Convert(t testing.TB, from, to string, data []byte) []byte {
	t.Helper()
	if from == to {
		return data
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	Change(t, host.WriteFile{Path: in, Data: data},
		host.Cmd("qemu-img", "convert", "-q", "-f", from, "-O", to, in, out))
	converted, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	Change(t, host.Unlink{Path: in}, host.Unlink{Path: out})
	return converted
}

// openFile returns an open file with the data, at offset at.
func (s *suite) openFile(data []byte, at int64) *os.File {
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

// openPipe returns the read end of a pipe that delivers the data.
func (s *suite) openPipe(data []byte) *os.File {
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

// upload writes data to the start of a volume, and fails the test if that does not work.
func (s *suite) upload(name string, data []byte) {
	s.Helper()
	s.ok(requireCapability[backend.Uploader](s).Upload(s.Context(), s.pool, name, s.openFile(data, 0),
		backend.Transfer{}))
}

// download returns all bytes of a volume.
func (s *suite) download(name string) []byte {
	s.Helper()
	f := s.openFile(nil, 0)
	s.ok(requireCapability[backend.Downloader](s).Download(s.Context(), s.pool, name, f, backend.Transfer{}))
	data, err := os.ReadFile(f.Name())
	s.ok(err)
	return data
}

// guestData returns a volume's content as a guest sees it.
func (s *suite) guestData(name string) []byte {
	s.Helper()
	data := s.download(name)
	if s.Decode != nil {
		data = s.Decode(s.T, s.lookUp(name).Target.Format, data)
	}
	return data
}

// isImage reports whether volumes are images, which contain more than a guest's data.
func (s *suite) isImage() bool { return s.Encode != nil && s.defineVolume("v").Target.Format != "raw" }

// fill fills a volume with a pattern, as a guest sees it, and returns the pattern.
func (s *suite) fill(name string, seed byte) []byte {
	s.Helper()
	v := s.lookUp(name)
	data := Pattern(v.Capacity.Bytes, seed)
	image := data
	if s.Encode != nil {
		image = s.Encode(s.T, v.Target.Format, data)
	}
	s.upload(name, image)
	return data
}

// lookUp returns a volume that must exist.
func (s *suite) lookUp(name string) *pooldef.Volume {
	s.Helper()
	v, err := s.b.Volume(s.Context(), s.pool, name)
	s.ok(err)
	s.ok(v.Err)
	return v
}

// checkData fails the test unless a guest sees the data in a volume, followed by zeros.
func (s *suite) checkData(name string, data []byte, when string) {
	s.Helper()
	disk := s.guestData(name)
	if len(disk) < len(data) || !bytes.Equal(disk[:len(data)], data) {
		s.Fatalf("%s: %q has lost its data", when, name)
	}
	if !isZero(disk[len(data):]) {
		s.Fatalf("%s: %q has data after the end of its own", when, name)
	}
}

func isZero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

// hasData reports whether a volume's data can be transferred. For other volumes, such as directories, such
// operations must be refused.
func hasData(v *pooldef.Volume) bool {
	return v.Type == "file" || v.Type == "block" || v.Type == "network"
}

// checkUnsupported fails the test unless err is an UnsupportedError and the state is unchanged.
func (s *suite) checkUnsupported(err error, state, what string) {
	s.Helper()
	if !isUnsupported(err) {
		s.Errorf("%s: error %v", what, err)
	}
	s.checkUnchanged(state, what)
}

// checkRefused fails the test unless err is an error and the state is unchanged.
func (s *suite) checkRefused(err error, state, what string) {
	s.Helper()
	if err == nil {
		s.Errorf("%s: got no error", what)
	}
	s.checkUnchanged(state, what)
}
