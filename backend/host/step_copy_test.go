package host

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestCopy copies files of all shapes within and between file systems.
func TestCopy(t *testing.T) {
	l := &Local{}
	places := fileSystems(t)
	for from, source := range places {
		for to, dir := range places {
			if from != to && from != here && to != here {
				continue // all pairs would take long and test nothing more
			}
			t.Run(from+" to "+to, func(t *testing.T) {
				for _, s := range sparseFiles() {
					copies(t, l, s, source+"/source", dir+"/copy")
				}
			})
		}
	}
}

// copies copies a file. The copy must keep holes, and leave the source unchanged.
func copies(t *testing.T, l *Local, s sparseFile, source, path string) {
	t.Helper()
	all := s.write(t, source)
	if err := os.Chmod(source, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(source, time.Unix(1, 1), time.Unix(2, 2)); err != nil {
		t.Fatal(err)
	}
	occupied, before := room(t, source), stat(t, source)
	file := newFile(path)
	file.From = &Source{Path: source}
	var done, total uint64
	file.Progress = func(d, n uint64) {
		if d < done || n != uint64(s.size) {
			t.Errorf("%+v: after %d bytes it reported %d of %d", s, done, d, n)
		}
		done, total = d, n
	}
	do(t, l, file)
	holds(t, path, all)
	if done != total || total != uint64(s.size) {
		t.Errorf("%+v: it reported %d of %d bytes at the end", s, done, total)
	}
	if got := room(t, path); got > occupied+128<<10 { // XFS allocates more than requested
		t.Errorf("%+v: %d allocated bytes became %d", s, occupied, got)
	}
	holds(t, source, all)
	if after := stat(t, source); after.Mtim != before.Mtim || after.Mode != before.Mode ||
		room(t, source) != occupied {
		t.Errorf("%+v: the source has changed", s)
	}
	do(t, l, Unlink{path})
}

// TestCopyLarger creates copies that are longer than their source.
func TestCopyLarger(t *testing.T) {
	l := &Local{}
	for name, dir := range fileSystems(t) {
		t.Run(name, func(t *testing.T) {
			for _, s := range sparseFiles() {
				all := s.write(t, dir+"/source")
				for _, zeros := range []bool{false, true} {
					larger(t, l, all, zeros, dir)
				}
			}
		})
	}
}

func larger(t *testing.T, l *Local, all []byte, zeros bool, dir string) {
	t.Helper()
	file := newFile(dir + "/copy")
	file.From, file.Size = &Source{Path: dir + "/source"}, uint64(len(all)+100_000)
	file.Allocate, file.Zeros = file.Size, zeros
	do(t, l, file)
	holds(t, file.Path, append(bytes.Clone(all), make([]byte, 100_000)...))
	if got := room(t, file.Path); got < int64(file.Size) {
		t.Errorf("zeros %v: of %d bytes, %d are allocated", zeros, file.Size, got)
	}
	do(t, l, Unlink{file.Path})
	file.Size, file.Allocate = 0, 0
	do(t, l, file)
	holds(t, file.Path, all)
	do(t, l, Unlink{file.Path})
}

// TestReflink shares blocks where the file system can.
func TestReflink(t *testing.T) {
	l := &Local{}
	for name, dir := range fileSystems(t) {
		t.Run(name, func(t *testing.T) {
			all := sparseFile{20 << 20, [][2]int64{{0, 10 << 20}}}.write(t, dir+"/source")
			run(t, "sync", "-f", dir)
			file := newFile(dir + "/copy")
			file.From = &Source{Path: dir + "/source", Reflink: true}
			if name != "btrfs" && name != "xfs" {
				isA[*ReflinkError](t, fails(t, l, file))
				isGone(t, file.Path)
				return
			}
			before, err := l.Space(dir)
			if err != nil {
				t.Fatal(err)
			}
			do(t, l, file)
			down, err := os.Create(dir + "/download")
			if err != nil {
				t.Fatal(err)
			}
			defer down.Close()
			do(t, l, Download{From: Source{Path: dir + "/source"}, To: down, Length: 10 << 20})
			run(t, "sync", "-f", dir)
			holds(t, file.Path, all)
			holds(t, down.Name(), all[:10<<20])
			if after, _ := l.Space(dir); after.Free+(1<<20) < before.Free {
				t.Errorf("%d bytes were free, %d are free now", before.Free, after.Free)
			}
		})
	}
}

// TestZerosAreOwn writes a copy with all space allocated: it shares no block, so that no later write fails
// for lack of space.
func TestZerosAreOwn(t *testing.T) {
	l := &Local{}
	for _, mkfs := range []string{"mkfs.btrfs", "mkfs.xfs"} {
		t.Run(mkfs, func(t *testing.T) {
			dir := disk(t, mkfs, "-q")
			put(t, dir+"/source", random(1, 30<<20))
			run(t, "sync", "-f", dir)
			before, _ := l.Space(dir)
			file := newFile(dir + "/copy")
			file.From, file.Size, file.Allocate, file.Zeros = &Source{Path: dir + "/source"}, 30<<20, 30<<20, true
			do(t, l, file)
			run(t, "sync", "-f", dir)
			if after, _ := l.Space(dir); before.Free-after.Free < 29<<20 {
				t.Errorf("the copy took %d bytes", before.Free-after.Free)
			}
		})
	}
}

func TestCopyNoCOW(t *testing.T) {
	l, dir := &Local{}, disk(t, "mkfs.btrfs", "-q")
	all := sparseFile{9 << 20, [][2]int64{{0, 100}, {1 << 20, 3 << 20}}}.write(t, dir+"/source")
	file := newFile(dir + "/copy")
	file.From, file.NoCOW = &Source{Path: dir + "/source"}, true
	do(t, l, file)
	holds(t, file.Path, all)
	if flags, err := unix.IoctlGetUint32(int(open(t, file.Path, os.O_RDONLY).Fd()),
		unix.FS_IOC_GETFLAGS); err != nil || flags&noCOW == 0 {
		t.Errorf("the flags of its extents are %x, error %v", flags, err)
	}
	file.Path, file.From.Reflink = dir+"/other", true
	isA[*ReflinkError](t, fails(t, l, file))
	isGone(t, file.Path)
}

// TestCopyDevice copies a block device, whose zeros become holes.
func TestCopyDevice(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	source := device(t, 6<<20+512)
	do(t, l, Zero{Path: source})
	want := make([]byte, 6<<20+512)
	copy(want[3<<20+100:], random(4, 200_000))
	if _, err := open(t, source, os.O_RDWR).WriteAt(want, 0); err != nil {
		t.Fatal(err)
	}
	file := newFile(dir + "/copy")
	file.From = &Source{Path: source}
	do(t, l, file)
	holds(t, file.Path, want)
	if got := room(t, file.Path); got > 300_000 {
		t.Errorf("it occupies %d bytes", got)
	}
	file.Path, file.Zeros, file.Size, file.Allocate = dir+"/full", true, 7<<20, 7<<20
	do(t, l, file)
	holds(t, file.Path, append(want, make([]byte, 1<<20-512)...))
	if got := room(t, file.Path); got < 7<<20 {
		t.Errorf("it occupies only %d bytes", got)
	}
}

// slowly returns files that are copied in several parts, in the kernel and through a buffer.
func slowly(t *testing.T) map[string][2]string {
	dir := t.TempDir()
	all := map[string][2]string{"kernel": {dir, dir}}
	if os.Getenv(private) != "" {
		all["buffer"] = [2]string{tmpfs(t, 150<<10), dir}
	}
	for _, dirs := range all {
		put(t, dirs[0]+"/source", random(3, 80<<20))
	}
	return all
}

func TestCopyInPieces(t *testing.T) {
	l := &Local{}
	for name, dirs := range slowly(t) {
		t.Run(name, func(t *testing.T) {
			pieces := 0
			file := newFile(dirs[1] + "/copy")
			file.From, file.Progress = &Source{Path: dirs[0] + "/source"}, func(_, _ uint64) { pieces++ }
			do(t, l, file)
			holds(t, file.Path, random(3, 80<<20))
			do(t, l, Unlink{file.Path})
			if pieces < 4 {
				t.Errorf("it reported progress %d times", pieces)
			}
		})
	}
}

// TestCopyShrinks truncates the source during the copy.
func TestCopyShrinks(t *testing.T) {
	l := &Local{}
	for name, dirs := range slowly(t) {
		for _, left := range []int64{0, 50<<20 + 1, 80<<20 - 1} {
			t.Run(name, func(t *testing.T) {
				put(t, dirs[0]+"/source", random(3, 80<<20))
				file := newFile(dirs[1] + "/copy")
				file.From = &Source{Path: dirs[0] + "/source"}
				file.Progress = once(func() { run(t, "truncate", "-s", strconv.FormatInt(left, 10), dirs[0]+"/source") })
				if err := fails(t, l, file); !bytes.Contains([]byte(err.Error()), []byte("shrank")) {
					t.Error(err)
				}
				isGone(t, file.Path)
			})
		}
	}
}

func TestCopyCancelled(t *testing.T) {
	l := &Local{}
	for name, dirs := range slowly(t) {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			file := newFile(dirs[1] + "/copy")
			file.From, file.Progress = &Source{Path: dirs[0] + "/source"}, once(cancel)
			if err := l.Change(ctx, file); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			isGone(t, file.Path)
		})
	}
}

// TestCopyFull copies to a file system that is too small.
func TestCopyFull(t *testing.T) {
	l, full, dir := &Local{}, tmpfs(t, 4<<10), t.TempDir()
	for name, s := range map[string]sparseFile{"data": {8 << 20, [][2]int64{{0, 8 << 20}}},
		"late": {80 << 20, [][2]int64{{70 << 20, 76 << 20}}}} {
		t.Run(name, func(t *testing.T) {
			all := s.write(t, dir+"/source")
			file := newFile(full + "/copy")
			file.From = &Source{Path: dir + "/source"}
			refuse(t, l, full, file, unix.ENOSPC)
			holds(t, dir+"/source", all)
		})
	}
	put(t, full+"/source", random(1, 3<<20))
	file := newFile(full + "/copy")
	file.From = &Source{Path: full + "/source"}
	refuse(t, l, full, file, unix.ENOSPC)
}

// TestCopyInto copies files and devices over others.
func TestCopyInto(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	const big = 8 << 20
	s := sparseFile{6<<20 + 700, [][2]int64{{100, 5000}, {1<<20 + 1, 2 << 20}, {6 << 20, 6<<20 + 600}}}
	all := s.write(t, dir+"/source")
	same := device(t, 6<<20+1024)
	do(t, l, CopyInto{From: Source{Path: dir + "/source"}, Path: same})
	holds(t, same, append(bytes.Clone(all), make([]byte, 324)...))
	want := append(bytes.Clone(all), make([]byte, big-len(all))...)
	for name, source := range map[string]string{"a file": dir + "/source", "a device": same} {
		t.Run(name, func(t *testing.T) {
			target := device(t, big)
			do(t, l, CopyInto{From: Source{Path: source}, Path: target})
			holds(t, target, want)
			blank := device(t, big)
			do(t, l, Zero{Path: blank}, CopyInto{From: Source{Path: source}, Path: blank, Blank: true})
			holds(t, blank, want)
			put(t, dir+"/old", random(2, big))
			do(t, l, CopyInto{From: Source{Path: source}, Path: dir + "/old"})
			holds(t, dir+"/old", want)
		})
	}
	holds(t, dir+"/source", all)
}

func TestFillTooLarge(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	put(t, dir+"/source", random(2, 1<<20+1))
	target := device(t, 1<<20)
	e := isA[*DoesNotFitError](t, fails(t, l, CopyInto{From: Source{Path: dir + "/source"}, Path: target,
		Progress: never(t)}))
	if e.Size != 1<<20+1 || e.Room != 1<<20 {
		t.Errorf("%+v", e)
	}
	holds(t, target, random(99, 1<<20))
	isA[*InUseError](t, fails(t, l, CopyInto{From: Source{Path: target}, Path: target}))
}
