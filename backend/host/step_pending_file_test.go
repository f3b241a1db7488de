package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A committedDownload is a download to a PendingFile, which is committed if the download succeeds.
type committedDownload struct {
	path string
	Download
}

func (d committedDownload) apply(ctx context.Context, l *Local) error {
	draft, err := NewPendingFile(d.path, 0o666)
	if err != nil {
		return err
	}
	defer draft.Abort()
	err = l.Change(ctx, draft)
	if err == nil {
		d.To, d.Name = draft.File(), draft.Name()
		err = l.Change(ctx, d.Download)
	}
	if err == nil {
		err = l.Change(ctx, Commit{draft})
	}
	return err
}

func newDraft(t testing.TB, path string) *PendingFile {
	t.Helper()
	d, err := NewPendingFile(path, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Abort)
	return d
}

// write writes to a pending file.
func write(t testing.TB, d *PendingFile, text string) {
	t.Helper()
	if _, err := d.File().WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func TestDraft(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o027))
	l, dir := &Local{}, t.TempDir()
	put(t, dir+"/old", []byte("old\n"))
	put(t, dir+"/theirs", nil)
	do(t, l, Chmod{dir + "/old", 0o604}, Symlink{"old", dir + "/link"}, Symlink{"link", dir + "/chain"})
	if os.Geteuid() == 0 {
		do(t, l, Chown{dir + "/old", 4711, 4712})
	}
	owner := stat(t, dir+"/old").Uid
	for path, want := range map[string]fs.FileMode{"old": 0o604, "new": 0o640, "link": 0o604, "chain": 0o604} {
		d := newDraft(t, dir+"/"+path)
		if d.File() != nil {
			t.Error("the file is open before the step")
		}
		do(t, l, d)
		write(t, d, path)
		if path != "new" && (string(get(t, dir+"/"+path)) == path || stat(t, dir+"/old").Size == 0) {
			t.Error("the old content is gone before Commit")
		}
		do(t, l, Commit{d})
		d.Abort()
		if got := string(get(t, dir+"/"+path)); got != path || mode(t, dir+"/"+path) != want {
			t.Errorf("%s has mode %v, and contains %q", path, mode(t, dir+"/"+path), got)
		}
	}
	if st := stat(t, dir+"/old"); st.Uid != owner {
		t.Errorf("it belongs to user %d", st.Uid)
	}
	if !isLink(dir+"/link") || !isLink(dir+"/chain") || strings.Contains(tree(t, dir), ".poolctl") {
		t.Errorf("the directory contains\n%s", tree(t, dir))
	}
	if umask() != 0o027 {
		t.Errorf("the umask has become %v", umask())
	}
}

// TestPendingFileAbort aborts a pending file: nothing has changed.
func TestPendingFileAbort(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	put(t, dir+"/old", []byte("old\n"))
	before := tree(t, dir)
	for _, path := range []string{"old", "new"} {
		newDraft(t, dir+"/"+path).Abort()
		d := newDraft(t, dir+"/"+path)
		do(t, l, d)
		write(t, d, "x")
		d.Abort()
		d.Abort()
	}
	if after := tree(t, dir); after != before {
		t.Errorf("was\n%s, is\n%s", before, after)
	}
}

// TestPendingFileTaken finds pending files that other processes have left, or are writing.
func TestPendingFileTaken(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	put(t, dir+"/old", []byte("old\n"))
	for _, path := range []string{"old", "new"} {
		first, second := newDraft(t, dir+"/"+path), newDraft(t, dir+"/"+path)
		put(t, first.Name(), []byte("what a killed process has left"))
		left := open(t, first.Name(), os.O_RDWR)
		do(t, l, first)
		write(t, first, "first")
		isA[*InUseError](t, fails(t, l, second))
		if _, err := left.WriteAt([]byte("FIRST"), 0); err != nil {
			t.Fatal(err)
		}
		do(t, l, Commit{first})
		if got := string(get(t, dir+"/"+path)); got != "first" {
			t.Errorf("%s contains %q", path, got)
		}
		do(t, l, second)
		second.Abort()
		do(t, l, Mkdir{second.Name(), 0o700})
		fails(t, l, second)
		do(t, l, Rmdir{second.Name()}, Symlink{dir + "/old", second.Name()})
		fails(t, l, second)
		do(t, l, Unlink{second.Name()})
	}
}

// TestDraftRivals writes the same file in many goroutines: each version is complete.
func TestDraftRivals(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			text := strings.Repeat(fmt.Sprint(i), 1000)
			for written := 0; written < 10; {
				d, err := NewPendingFile(dir+"/file", 0o600)
				if err == nil {
					err = l.Change(context.Background(), d)
				}
				if _, busy := errors.AsType[*InUseError](err); busy {
					d.Abort()
					continue
				}
				if err == nil {
					_, err = d.File().WriteString(text)
				}
				if err == nil && written%2 == 0 {
					err = l.Change(context.Background(), Commit{d})
				}
				if err != nil {
					t.Error(err)
				}
				d.Abort()
				written++
			}
		})
	}
	writers.Wait()
	if got := string(get(t, dir+"/file")); len(got) != 1000 || strings.Trim(got, got[:1]) != "" {
		t.Errorf("the file contains %q", got)
	}
	if names, _ := filepath.Glob(dir + "/.*"); names != nil {
		t.Errorf("left behind: %q", names)
	}
}

func TestDraftRefused(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	do(t, l, Mkdir{dir + "/dir", 0o755}, Symlink{"none", dir + "/nowhere"}, WriteFile{dir + "/file", nil},
		Symlink{"file", dir + "/theirs"})
	for path, want := range map[string]error{"dir": unix.EISDIR, "nowhere": fs.ErrNotExist,
		"file/x": unix.ENOTDIR, "none/x": fs.ErrNotExist} {
		d, err := NewPendingFile(dir+"/"+path, 0o666)
		if err == nil {
			err = fails(t, l, d)
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: got error %v, want %v", path, err, want)
		}
	}
	if os.Geteuid() != 0 {
		notRun(t, "somebody else's link: it needs root")
	}
	if err := os.Lchown(dir+"/theirs", 4711, 4711); err != nil {
		t.Fatal(err)
	}
	if _, err := NewPendingFile(dir+"/theirs", 0o666); !errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
}

// TestDraftInUse checks that a file in use is not replaced.
func TestDraftInUse(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	put(t, dir+"/image", make([]byte, 4096))
	stop := qemuIO(t, "-f", "raw", dir+"/image")
	before := tree(t, dir)
	isA[*InUseError](t, fails(t, l, newDraft(t, dir+"/image")))
	if after := tree(t, dir); after != before {
		t.Errorf("was\n%s, is\n%s", before, after)
	}
	stop()
	d := newDraft(t, dir+"/image")
	do(t, l, d)
	isA[*InUseError](t, fails(t, l, Resize{Path: dir + "/image", Size: 1}))
	d.Abort()
	do(t, l, Resize{Path: dir + "/image", Size: 1})
}

// TestDraftInPlace writes to destinations that are no regular files.
func TestDraftInPlace(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	data := random(1, 1<<20)
	put(t, dir+"/source", data)
	from := Download{From: Source{Path: dir + "/source"}}
	do(t, l, committedDownload{"/dev/null", from})
	if err := unix.Mkfifo(dir+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	came := make(chan []byte)
	go func() { came <- get(t, dir+"/fifo") }()
	do(t, l, committedDownload{dir + "/fifo", from})
	if got := <-came; string(got) != string(data) {
		t.Errorf("%d bytes came", len(got))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := soon(t, "opening what nobody reads", func() error { return newDraft(t, dir+"/fifo").apply(ctx, l) })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	loop := device(t, 2<<20)
	do(t, l, committedDownload{loop, from})
	holds(t, loop, append(data, random(99, 2<<20)[1<<20:]...))
	f, err := l.openData(loop, writing)
	if err != nil {
		t.Fatal(err)
	}
	isA[*InUseError](t, fails(t, l, newDraft(t, loop)))
	f.Close()
	put(t, dir+"/large", make([]byte, 2<<20+1))
	isA[*DoesNotFitError](t, fails(t, l, committedDownload{loop, Download{From: Source{Path: dir + "/large"}}}))
}
