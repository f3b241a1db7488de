package host

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newFile returns a step that creates a file.
func newFile(path string) CreateFile { return CreateFile{Path: path, Mode: 0o600, UID: -1, GID: -1} }

// put writes a file.
func put(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// get reads a file or device.
func get(t testing.TB, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, _ := f.Seek(0, io.SeekEnd) // a FIFO has no known content
	all := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	_, _ = f.Seek(0, io.SeekStart)
	if _, err := all.ReadFrom(f); err != nil {
		t.Fatal(err)
	}
	return all.Bytes()
}

// open opens a file, and closes it when the test ends.
func open(t testing.TB, path string, flags int) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func stat(t testing.TB, path string) unix.Stat_t {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st
}

// room returns how many bytes are allocated to a file, once all data are on the disk.
func room(t testing.TB, path string) int64 {
	t.Helper()
	if err := open(t, path, os.O_RDONLY).Sync(); err != nil {
		t.Fatal(err)
	}
	return stat(t, path).Blocks * 512
}

// holds fails the test unless a file or device contains exactly want.
func holds(t testing.TB, path string, want []byte) {
	t.Helper()
	got := get(t, path)
	if bytes.Equal(got, want) {
		return
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	t.Fatalf("%s has %d bytes, want %d; the bytes differ from %d on", path, len(got), len(want), at)
}

// isGone fails the test if a file exists.
func isGone(t testing.TB, path string) {
	t.Helper()
	if _, err := os.Lstat(path); err == nil {
		t.Errorf("%s still exists", path)
	}
}

// fails applies a step that must fail, and returns its error.
func fails(t testing.TB, l *Local, s Step) error {
	t.Helper()
	err := l.Change(context.Background(), s)
	if err == nil {
		t.Fatalf("%s succeeded", s.Shell())
	}
	return err
}

// isA fails the test unless an error is of type E.
func isA[E error](t testing.TB, err error) E {
	t.Helper()
	e, ok := errors.AsType[E](err)
	if !ok {
		t.Fatalf("got error %v (%T), want a %T", err, err, e)
	}
	return e
}

// random returns n bytes, none of which is 0.
func random(seed uint64, n int) []byte {
	part := make([]byte, 65521) // a prime, so that the pattern starts elsewhere in each block
	_, _ = rand.NewChaCha8([32]byte{byte(seed)}).Read(part)
	for i := range part {
		part[i] |= 1
	}
	b := make([]byte, 0, n)
	for len(b) < n {
		b = append(b, part[:min(len(part), n-len(b))]...)
	}
	return b
}

// A sparseFile is a file with holes: its length, and the ranges that contain data.
type sparseFile struct {
	size    int64
	extents [][2]int64
}

func (s sparseFile) write(t testing.TB, path string) []byte {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := make([]byte, s.size)
	for i, e := range s.extents {
		copy(all[e[0]:e[1]], random(uint64(i), int(e[1]-e[0])))
		if _, err := f.WriteAt(all[e[0]:e[1]], e[0]); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(s.size); err != nil {
		t.Fatal(err)
	}
	return all
}

// sparseFiles returns files with shapes that are easy to get wrong, and random ones.
func sparseFiles() []sparseFile {
	all := []sparseFile{
		{}, {size: 1, extents: [][2]int64{{0, 1}}}, {size: 1}, {size: 5 << 20},
		{size: 4096, extents: [][2]int64{{0, 4096}}},
		{size: 3<<20 + 77, extents: [][2]int64{{3 << 20, 3<<20 + 77}}},
		{size: 2<<20 + 1, extents: [][2]int64{{0, 100}}},
	}
	r := rand.New(rand.NewPCG(7, 7))
	for range 5 {
		s := sparseFile{size: 1 + r.Int64N(8<<20)}
		for range r.IntN(8) {
			from := r.Int64N(s.size)
			s.extents = append(s.extents, [2]int64{from, min(s.size, from+1+r.Int64N(300_000))})
		}
		all = append(all, s)
	}
	return all
}

// here is the most common file system. Without root it is the file system of the temporary directory.
const here = "ext4"

// fileSystems returns a directory on each kind of file system.
func fileSystems(t testing.TB) map[string]string {
	if os.Getenv(private) == "" {
		return map[string]string{here: t.TempDir()}
	}
	return map[string]string{
		here: disk(t, "mkfs.ext4", "-q"), "tmpfs": tmpfs(t, 200<<10), "ext2": disk(t, "mkfs.ext2", "-q"),
		"btrfs": disk(t, "mkfs.btrfs", "-q"), "xfs": disk(t, "mkfs.xfs", "-q"),
	}
}

// device creates a block device of a size that contains no zeros.
func device(t testing.TB, size int64) string {
	t.Helper()
	if os.Getenv(private) == "" {
		notRun(t, "block devices: it needs root")
	}
	file := filepath.Join(scratch(t), "disk")
	put(t, file, random(99, int(size)))
	out, err := (&Local{}).Query(context.Background(), Cmd("losetup", "-f", "--show", file))
	if err != nil {
		notRun(t, err.Error())
	}
	path := strings.TrimSpace(string(out))
	t.Cleanup(func() { run(t, "losetup", "-d", path) })
	return path
}

// qemuIO runs qemu-io with an image open until the test ends or stop is called.
func qemuIO(t testing.TB, args ...string) (stop func()) {
	t.Helper()
	cmd := exec.Command("stdbuf", append(append([]string{"-oL", "qemu-io"}, args...), "-c", "read 0 512", "-c",
		"sleep 3600000")...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		cmd.Stderr = cmd.Stdout
		err = cmd.Start()
	}
	if err != nil {
		notRun(t, err.Error())
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(stop)
	if line, err := readUntil(out, "read 512/512"); err != nil {
		t.Fatalf("qemu-io: %q, %v", line, err)
	}
	return stop
}

func readUntil(r io.Reader, word string) (string, error) {
	var all strings.Builder
	b := make([]byte, 512)
	for !strings.Contains(all.String(), word) {
		n, err := r.Read(b)
		all.Write(b[:n])
		if err != nil {
			return all.String(), err
		}
	}
	return all.String(), nil
}

// far is a timeout that is exceeded only by what never ends, however slow the machine is.
const far = 5 * time.Minute

// waitFor waits until done returns true.
func waitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	for begin := time.Now(); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Since(begin) > far {
			t.Fatalf("waited %v: %s has not happened", far, what)
		}
	}
}

// soon fails the test if do does not end.
func soon(t testing.TB, what string, do func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-time.After(far):
		t.Fatalf("%s does not end", what)
		return nil
	}
}

// once returns a Progress that calls do the first time that bytes are done.
func once(do func()) Progress {
	did := false
	return func(done, _ uint64) {
		if done > 0 && !did {
			did = true
			do()
		}
	}
}

// never returns a Progress that fails the test if bytes are done.
func never(t testing.TB) Progress {
	return func(done, _ uint64) {
		if done > 0 {
			t.Errorf("%d bytes were done", done)
		}
	}
}
