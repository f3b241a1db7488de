package filevol

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host/safeopen"
	"poolctl/pooldef"
)

// list lists a pool and returns, for each volume, its type, format and capacity, or why it cannot be read.
func list(t testing.TB, p *pooldef.Pool) map[string]string {
	t.Helper()
	found := map[string]string{}
	var names []string
	for v, err := range here.Details(t.Context(), p) {
		ok(t, err)
		text := fmt.Sprintf("%s %s %d", v.Type, v.Target.Format, v.Capacity.Bytes)
		if v.Err != nil {
			text = v.Err.Error()
		}
		if v.Backing != nil {
			text += fmt.Sprintf(" on %s %s", v.Backing.Path, v.Backing.Format)
		}
		found[v.Name] = text
		names = append(names, v.Name)
	}
	if !slices.IsSortedFunc(names, pooldef.CompareNames) || len(names) != len(found) {
		t.Errorf("got the order %q", names)
	}
	return found
}

func checkList(t testing.TB, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if _, there := got[name]; !there {
			t.Errorf("%q is not listed", name)
		}
	}
	for name, text := range got {
		if text != want[name] {
			t.Errorf("%q: got %q, want %q", name, text, want[name])
		}
	}
}

// TestListKinds lists a directory with every kind of file.
func TestListKinds(t *testing.T) {
	p := newPool(t)
	dir := p.Target.Path
	write(t, p, "file", "12345")
	write(t, p, ".hidden", "")
	write(t, p, "na\xffme\n", "1")
	write(t, p, ".poolctl-notes", "22")
	ok(t, os.MkdirAll(dir+"/dir/below", 0o755))
	ok(t, os.Mkdir(dir+"/"+stagingName("x"), 0o700))
	ok(t, unix.Mkfifo(dir+"/fifo", 0o600))
	socket, err := net.Listen("unix", dir+"/socket")
	ok(t, err)
	defer socket.Close()
	for link, to := range map[string]string{
		"to-file": "file", "to-dir": dir + "/dir", "to-fifo": "fifo", "to-null": "/dev/null", "dangling": "none",
		"loop": "loop", "loop2": "loop",
		"through-file": "file/x", "to-link": "to-file",
	} {
		ok(t, os.Symlink(to, filepath.Join(dir, link)))
	}
	want := map[string]string{
		"file": "file raw 5", ".hidden": "file raw 0", "na\xffme\n": "file raw 1", ".poolctl-notes": "file raw 2",
		"dir":     "dir dir 0",
		"to-file": "file raw 5", "to-dir": "dir dir 0", "to-link": "file raw 5",
	}
	if os.Geteuid() == 0 {
		ok(t, unix.Mknod(dir+"/char", unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))))
		ok(t, unix.Mknod(dir+"/block", unix.S_IFBLK|0o600, int(unix.Mkdev(240, 77)))) // no such device exists
		want["block"] = "open " + dir + "/block: no such device or address"
	}
	checkList(t, list(t, p), want)
	for _, name := range []string{"fifo", "socket", "dangling", "loop", "to-null", "none", stagingName("x"),
		"", ".", "dir/below"} {
		if v, err := here.Volume(t.Context(), p, name); !errors.Is(err, backend.ErrNoVolume) {
			t.Errorf("lookup of %q: got %+v, error %v", name, v, err)
		}
		before := backendtest.Tree(t, dir)
		if err := here.Delete(t.Context(), p, name); !errors.Is(err, backend.ErrNoVolume) ||
			backendtest.Tree(t, dir) != before {
			t.Errorf("deletion of %q: got error %v", name, err)
		}
	}
}

// TestListBlockDevice lists an existing block device and a link to it.
func TestListBlockDevice(t *testing.T) {
	mounted := backendtest.Disk(t, "mkfs.ext2", "-q")
	var st unix.Stat_t
	ok(t, unix.Stat(mounted, &st))
	p := newPool(t)
	ok(t, unix.Mknod(p.Target.Path+"/disk", unix.S_IFBLK|0o600, int(st.Dev)))
	ok(t, os.Symlink("disk", p.Target.Path+"/link"))
	checkList(t, list(t, p), map[string]string{"disk": "file raw 134217728", "link": "file raw 134217728"})
	v, err := here.Volume(t.Context(), p, "disk")
	ok(t, err)
	if v.Allocation != pooldef.Bytes(128<<20) || v.Physical != pooldef.Bytes(128<<20) {
		t.Errorf("got %+v", v)
	}
}

// TestDeleteKinds deletes one volume of each kind. Deleting a link must leave its target.
func TestDeleteKinds(t *testing.T) {
	p := newPool(t)
	dir := p.Target.Path
	write(t, p, "file", "x")
	ok(t, os.MkdirAll(dir+"/full/x", 0o755))
	ok(t, os.Mkdir(dir+"/empty", 0o755))
	ok(t, os.Symlink("file", dir+"/link"))
	ok(t, os.Symlink("full", dir+"/dirlink"))
	for _, name := range []string{"link", "dirlink", "empty", "file"} {
		ok(t, here.Delete(t.Context(), p, name))
	}
	if err := here.Delete(t.Context(), p, "full"); !errors.Is(err, unix.ENOTEMPTY) {
		t.Errorf("directory that is not empty: got error %v", err)
	}
	checkList(t, list(t, p), map[string]string{"full": "dir dir 0"})
	if _, err := os.Stat(dir + "/full/x"); err != nil {
		t.Error("the link's target was deleted")
	}
}

// TestListLies lists images whose headers lie about their size, backing file or version.
func TestListLies(t *testing.T) {
	p := newPool(t)
	qcow2 := func(size uint64, backing string) string {
		header := make([]byte, 112)
		copy(header, "QFI\xfb\x00\x00\x00\x03")
		header[23] = 16 // cluster bits
		for i := range 8 {
			header[24+i] = byte(size >> (56 - 8*i))
		}
		header[103] = 104
		if backing != "" {
			header[15], header[19] = 112, byte(len(backing))
		}
		return string(header) + backing
	}
	dir := p.Target.Path
	write(t, p, "honest", qcow2(1<<30, ""))
	write(t, p, "huge", qcow2(1<<64-1, ""))
	write(t, p, "self", qcow2(1, "self"))
	write(t, p, "a", qcow2(1, "b"))
	write(t, p, "b", qcow2(1, "a"))
	write(t, p, "cut", qcow2(1, "")[:9])
	write(t, p, "up", qcow2(1, "../../etc/x"))
	write(t, p, "json", qcow2(1, `json:{"driver":"nbd","host":"h"}`))
	write(t, p, "nbd", qcow2(1, "nbd://h/x"))
	up := dir + "/../../etc/x"
	checkList(t, list(t, p), map[string]string{
		"honest": "file qcow2 1073741824", "huge": "file qcow2 112", "self": "file qcow2 1 on " + dir + "/self ",
		"a": "file qcow2 1 on " + dir + "/b ", "b": "file qcow2 1 on " + dir + "/a ", "cut": "file qcow2 9",
		"up": "file qcow2 1 on " + up + " ", "json": `file qcow2 1 on json:{"driver":"nbd","host":"h"} raw`, "nbd": "file qcow2 1 on nbd://h/x raw",
	})
}

// TestSurvive makes a parser panic. The panic must become the error of the volume.
func TestSurvive(t *testing.T) {
	p := newPool(t)
	v := catchPanic(p, "evil\n", func() *pooldef.Volume {
		var header []byte
		return newVolume(p, string(header[len(p.Name):]))
	})
	want := "this is a bug in poolctl, please report it: reading " + strconv.Quote(p.Target.Path+"/evil\n") +
		": runtime error: slice bounds"
	if v.Name != "evil\n" || v.Err == nil || !strings.HasPrefix(v.Err.Error(), want) {
		t.Errorf("got %+v, error %v", v, v.Err)
	}
	if v := catchPanic(p, "gone", func() *pooldef.Volume { return nil }); v != nil {
		t.Errorf("missing volume: got %+v", v)
	}
}

func TestListUnreadable(t *testing.T) {
	if !runAsNobody(t) {
		return
	}
	p := newPool(t)
	dir := p.Target.Path
	path := write(t, p, "file", "12345")
	ok(t, os.Chmod(path, 0))
	ok(t, os.MkdirAll(dir+"/closed/x", 0o755))
	ok(t, os.Chmod(dir+"/closed", 0))
	t.Cleanup(func() { ok(t, os.Chmod(dir+"/closed", 0o755)) })
	ok(t, os.Symlink("closed/x", dir+"/into"))
	checkList(t, list(t, p), map[string]string{"file": "open " + path + ": permission denied",
		"closed": "dir dir 0"})
	if v, err := here.Volume(t.Context(), p, "file"); err != nil || !errors.Is(v.Err, fs.ErrPermission) ||
		v.Physical != pooldef.Bytes(5) {
		t.Errorf("got %+v, error %v", v, err)
	}
	closed := poolIn(dir + "/closed")
	for _, err := range here.Volumes(t.Context(), closed) {
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("unreadable pool: got error %v", err)
		}
	}
	if err := here.Create(t.Context(), closed, rawVolume("x", 1),
		backend.CreateOptions{}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("pool without write permission: got error %v", err)
	}
}

// TestListVanished lists a directory that does not exist, is not a directory, or is removed during the
// listing.
func TestListVanished(t *testing.T) {
	p := newPool(t)
	write(t, p, "a", "")
	write(t, p, "b", "")
	n := 0
	for _, err := range here.Volumes(t.Context(), p) {
		ok(t, err)
		if n++; n == 1 {
			ok(t, os.RemoveAll(p.Target.Path))
		}
	}
	if n != 2 {
		t.Errorf("the listing stopped after %d volumes", n)
	}
	notReady := (*backend.NotReadyError)(nil)
	for _, list := range []lister{here.Volumes, here.Details} {
		if err := list.firstError(t, p); !errors.As(err, &notReady) || !notReady.Build {
			t.Errorf("removed directory: got error %v", err)
		}
	}
	write(t, poolIn(filepath.Dir(p.Target.Path)), filepath.Base(p.Target.Path), "a file")
	if err := lister(here.Volumes).firstError(t, p); err == nil || errors.As(err, &notReady) {
		t.Errorf("file instead of a directory: got error %v", err)
	}
	if active, err := here.Active(t.Context(), p); active || err == nil {
		t.Errorf("file instead of a directory: active %v, error %v", active, err)
	}
}

// TestListBusy lists while files are created, removed and replaced by links and FIFOs, and while volumes are
// created and deleted.
func TestListBusy(t *testing.T) {
	p := newPool(t)
	path := func(n int) string { return fmt.Sprintf("%s/file-%d", p.Target.Path, n) }
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for n := worker; n < 2000; n += 4 {
				switch ok(t, os.WriteFile(path(n), []byte("12345"), 0o600)); n % 5 {
				case 0:
					ok(t, os.Remove(path(n)))
				case 1:
					ok(t, os.Symlink("none", path(n)+"new"))
					ok(t, os.Rename(path(n)+"new", path(n)))
				case 2:
					ok(t, unix.Mkfifo(path(n)+"new", 0o600))
					ok(t, os.Rename(path(n)+"new", path(n)))
				}
			}
		})
	}
	group.Go(func() {
		for range 30 {
			ok(t, here.Create(t.Context(), p, rawVolume("made", 1<<30), backend.CreateOptions{}))
			ok(t, here.Delete(t.Context(), p, "made"))
		}
	})
	done := make(chan bool)
	go func() { group.Wait(); close(done) }()
	for listings := 0; ; listings++ {
		for name, text := range list(t, p) {
			want := "file raw 5"
			if name == "made" {
				want = "file raw 1073741824"
			}
			// A file that another process is writing may still be empty.
			if text != want && (text != "file raw 0" || name == "made") {
				t.Fatalf("%s: got %s", name, text)
			}
		}
		select {
		case <-done:
			if got := len(list(t, p)); got != 800 {
				t.Errorf("got %d volumes at the end", got)
			}
			return
		default:
		}
	}
}

// A lister lists a pool.
type lister func(context.Context, *pooldef.Pool) iter.Seq2[*pooldef.Volume, error]

// firstError returns the error of the first element of a listing.
func (l lister) firstError(t *testing.T, p *pooldef.Pool) error {
	for _, err := range l(t.Context(), p) {
		return err
	}
	return nil
}

// TestReplacedSinceListed lists names that were regular files when the directory was read, and are something
// else when they are opened. The result is that of a fresh inspection.
func TestReplacedSinceListed(t *testing.T) {
	p := newPool(t)
	dir := p.Target.Path
	names := []string{"device", "dir", "fifo", "file", "gone", "link", "socket"}
	entries := make([]safeopen.DirEntry, len(names))
	for i, name := range names {
		entries[i].Name = name
	}
	write(t, p, "file", "QFI\xfb\x00\x00\x00\x03")
	ok(t, errors.Join(os.Symlink("/dev/null", dir+"/device"), os.Mkdir(dir+"/dir", 0o700),
		unix.Mkfifo(dir+"/fifo", 0o600), os.Symlink("file", dir+"/link")))
	socket, err := net.Listen("unix", dir+"/socket")
	ok(t, err)
	defer socket.Close()
	open, err := here.openPoolDir(p)
	ok(t, err)
	defer open.Close()
	for i, v := range here.details(open, p, entries) {
		want := inspect(open, p, names[i])
		if v != nil && want != nil {
			v.Target.Times, want.Target.Times = nil, nil // reading changes the time of access
		}
		if !reflect.DeepEqual(v, want) {
			t.Errorf("%s: got %+v, want %+v", names[i], v, want)
		}
	}
}
