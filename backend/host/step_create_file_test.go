package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// An after is a context that is cancelled when Err has been called n times.
type after struct {
	context.Context
	n *int
}

func cancelledAfter(n int) context.Context { return after{context.Background(), &n} }

func (a after) Err() error {
	*a.n--
	if *a.n < 0 {
		return context.Canceled
	}
	return nil
}

func TestCreateCancelled(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	for _, zeros := range []bool{false, true} {
		asked := 0
		for ; ; asked++ {
			c := CreateFile{Path: fmt.Sprintf("%s/%v", dir, zeros), Mode: 0o600, UID: -1, GID: -1, Size: 8 << 20,
				Allocate: 8 << 20, Zeros: zeros}
			err := l.Change(cancelledAfter(asked), c)
			if err == nil {
				break
			}
			if _, statErr := os.Lstat(c.Path); !errors.Is(err, context.Canceled) || statErr == nil {
				t.Fatalf("cancelled at the %dth call of Err: error %v, file exists %v", asked, err, statErr == nil)
			}
		}
		if zeros && asked < 8 {
			t.Errorf("Err was called only %d times", asked)
		}
	}
}

func TestCreateSizes(t *testing.T) {
	for name, dir := range places(t) {
		t.Run(name, func(t *testing.T) {
			for _, size := range []uint64{0, 1, 511, 4097, 1 << 20, 3<<20 + 1} {
				for _, part := range []uint64{0, size / 2, size} {
					for _, zeros := range []bool{false, true} {
						checkSize(t, CreateFile{Path: dir + "/file", Mode: 0o600, UID: -1, GID: -1, Size: size,
							Allocate: part, Zeros: zeros})
					}
				}
			}
		})
	}
}

// places returns directories on file systems with and without fallocate(2).
func places(t *testing.T) map[string]string {
	all := map[string]string{"here": t.TempDir()}
	if os.Getenv(private) != "" {
		all["tmpfs"], all["ramfs"] = tmpfs(t, 16<<10), mount(t, "-t", "ramfs", "ramfs")
		all["ext2"], all["btrfs"] = disk(t, "mkfs.ext2", "-q"), disk(t, "mkfs.btrfs", "-q")
	}
	return all
}

func checkSize(t *testing.T, c CreateFile) {
	t.Helper()
	l := &Local{}
	do(t, l, c)
	var st unix.Stat_t
	if err := unix.Stat(c.Path, &st); err != nil {
		t.Fatal(err)
	}
	if st.Size != int64(c.Size) {
		t.Errorf("%+v: it has %d bytes", c, st.Size)
	}
	// Small files may lie in the inode, and metadata counts on some file systems.
	if room := uint64(st.Blocks) * 512; c.Allocate > 4096 && room < c.Allocate || room > c.Allocate+64<<10 {
		t.Errorf("%+v: %d bytes are allocated", c, room)
	}
	do(t, l, Unlink{c.Path})
}

// TestLargeSparse creates files of the largest size that fits into 63 bits, and of larger ones.
func TestLargeSparse(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	file := CreateFile{Path: dir + "/file", Mode: 0o600, UID: -1, GID: -1}
	file.Size = 8 << 40
	checkSize(t, file)
	for _, file.Size = range []uint64{1<<63 - 1, 1 << 63, 1<<64 - 1} { // ext4 allows 16 TiB
		refuse(t, l, dir, file, unix.EFBIG, unix.EINVAL)
	}
}

func TestNoCOW(t *testing.T) {
	l, dir := &Local{}, disk(t, "mkfs.btrfs", "-q")
	file := CreateFile{Path: dir + "/file", Mode: 0o600, UID: -1, GID: -1, NoCOW: true, Size: 8192,
		Allocate: 8192}
	do(t, l, file, Mkdir{dir + "/d", 0o755}, SetNoCOW{dir + "/d", true})
	file.Path, file.NoCOW = dir+"/d/inherits", false
	do(t, l, file, SetNoCOW{dir + "/d", false})
	file.Path = dir + "/d/plain"
	do(t, l, file)
	for path, want := range map[string]bool{"file": true, "d": false, "d/inherits": true, "d/plain": false} {
		f, err := os.Open(dir + "/" + path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		flags, err := unix.IoctlGetUint32(int(f.Fd()), unix.FS_IOC_GETFLAGS)
		if got := flags&noCOW != 0; got != want || err != nil {
			t.Errorf("%s: no-COW is %v, error %v", path, got, err)
		}
	}
}

func TestNoCOWElsewhere(t *testing.T) {
	l, dir := &Local{}, mount(t, "-t", "ramfs", "ramfs")
	for _, s := range []Step{CreateFile{Path: dir + "/file", UID: -1, GID: -1, NoCOW: true},
		SetNoCOW{dir, true}} {
		before := tree(t, dir)
		if err := l.Change(t.Context(), s); err == nil || tree(t, dir) != before {
			t.Errorf("%s: error %v, the directory contains\n%s", s.Shell(), err, tree(t, dir))
		}
	}
}
