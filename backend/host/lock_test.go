package host

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/safeopen"
)

// writers returns the steps that write to an existing file.
func writers(t testing.TB, path, other string) map[string]Step {
	return map[string]Step{
		"fill":   CopyInto{From: Source{Path: other}, Path: path},
		"upload": Upload{From: open(t, other, os.O_RDONLY), Path: path},
		"zero":   Zero{Path: path}, "discard": Discard{Path: path}, "scrub": Scrub{Path: path, Pattern: "fillff"},
		"resize": Resize{Path: path, Size: 1 << 20},
	}
}

// readers returns the steps that read a source.
func readers(t testing.TB, s Source) map[string]Step {
	file := newFile(t.TempDir() + "/copy")
	file.From = &s
	other := t.TempDir() + "/other"
	put(t, other, make([]byte, 1<<20))
	return map[string]Step{
		"create": file, "fill": CopyInto{From: s, Path: other},
		"download": Download{From: s, To: open(t, other+"2", os.O_RDWR|os.O_CREATE)},
	}
}

// images returns an image of 1 MiB as a file and as a device, and the path of another file.
func images(t *testing.T) (all map[string]string, other string) {
	dir := t.TempDir()
	put(t, dir+"/image", random(99, 1<<20))
	put(t, dir+"/other", random(1, 1<<20))
	all = map[string]string{"file": dir + "/image"}
	if os.Getenv(private) != "" {
		all["device"] = device(t, 1<<20)
	}
	return all, dir + "/other"
}

// TestQemuWrites applies all steps while qemu has an image open for writing.
func TestQemuWrites(t *testing.T) {
	l := &Local{}
	all, other := images(t)
	for kind, image := range all {
		stop := qemuIO(t, "-f", "raw", image)
		for name, s := range writers(t, image, other) {
			t.Run(name+" "+kind, func(t *testing.T) { isA[*InUseError](t, fails(t, l, s)) })
		}
		for name, s := range readers(t, Source{Path: image}) {
			t.Run("read to "+name+" "+kind, func(t *testing.T) { isA[*InUseError](t, fails(t, l, s)) })
		}
		for name, s := range readers(t, Source{Path: image, InUse: true}) {
			t.Run("read in use to "+name+" "+kind, func(t *testing.T) { do(t, l, s) })
		}
		holds(t, image, random(99, 1<<20))
		stop()
		do(t, l, Zero{Path: image})
	}
}

// TestQemuReads lets qemu and steps read an image at the same time. No step may write.
func TestQemuReads(t *testing.T) {
	l := &Local{}
	all, other := images(t)
	for kind, image := range all {
		qemuIO(t, "-r", "-f", "raw", image)
		for name, s := range writers(t, image, other) {
			t.Run(name+" "+kind, func(t *testing.T) { isA[*InUseError](t, fails(t, l, s)) })
		}
		for name, s := range readers(t, Source{Path: image}) {
			t.Run("read to "+name+" "+kind, func(t *testing.T) { do(t, l, s) })
		}
	}
}

// meanwhile tries what other processes can do with an image: qemu reading, qemu writing, a step that reads,
// and one that writes.
func meanwhile(t *testing.T, image string) (reads, writes, stepReads, stepWrites bool) {
	t.Helper()
	l := &Local{}
	step := func(a access) bool {
		f, err := l.openData(image, a)
		if err == nil {
			f.Close()
		} else if _, busy := errors.AsType[*InUseError](err); !busy {
			t.Error(err)
		}
		return err == nil
	}
	qemu := func(args ...string) bool { return exec.Command("qemu-io", args...).Run() == nil }
	return qemu("-r", "-f", "raw", image, "-c", "read 0 512"),
		qemu("-f", "raw", image, "-c", "write -P 7 0 512"), step(reading), step(writing)
}

// TestOthersMeanwhile tries in the middle of a step what other processes can do.
func TestOthersMeanwhile(t *testing.T) {
	l := &Local{}
	if _, err := exec.LookPath("qemu-io"); err != nil {
		notRun(t, "qemu's locks: "+err.Error())
	}
	all, other := images(t)
	for kind, image := range all {
		try := func(name string, read bool, step func(Progress) Step) {
			t.Run(name+" "+kind, func(t *testing.T) {
				tried := false
				do(t, l, step(once(func() {
					tried = true
					if a, b, c, d := meanwhile(t, image); a != read || b || c != read || d {
						t.Errorf("qemu reads %v, writes %v; steps read %v, write %v", a, b, c, d)
					}
				})))
				if !tried {
					t.Error("the step reported no progress")
				}
			})
		}
		try("fill", false, func(p Progress) Step {
			return CopyInto{From: Source{Path: other}, Path: image, Progress: p}
		})
		try("upload", false, func(p Progress) Step {
			return Upload{From: open(t, other, os.O_RDONLY), Path: image, Progress: p}
		})
		try("upload of a pipe", false, func(p Progress) Step {
			return Upload{From: pipe(t, random(1, 1<<20), false), Path: image, Progress: p}
		})
		try("zero", false, func(p Progress) Step { return Zero{Path: image, Progress: p} })
		try("discard", false, func(p Progress) Step { return Discard{image, p} })
		try("create", true, func(p Progress) Step {
			c := newFile(t.TempDir() + "/copy")
			c.From, c.Progress = &Source{Path: image}, p
			return c
		})
		try("download", true, func(p Progress) Step {
			return Download{From: Source{Path: image}, To: open(t, t.TempDir()+"/to", os.O_CREATE|os.O_RDWR),
				Progress: p}
		})
		if a, b, c, d := meanwhile(t, image); !a || !b || !c || !d {
			t.Errorf("afterwards qemu reads %v, writes %v; steps read %v, write %v", a, b, c, d)
		}
	}
}

// TestMountedIsInUse writes to a device with a mounted file system, by several names. All steps must fail.
func TestMountedIsInUse(t *testing.T) {
	l, loop := &Local{}, device(t, 8<<20)
	other := t.TempDir() + "/other"
	put(t, other, make([]byte, 1<<20))
	run(t, "mkfs.ext2", "-q", "-F", loop)
	mount(t, "-o", "ro", loop) // the kernel writes to a device that is mounted for writing at any time
	before := get(t, loop)
	do(t, l, Symlink{loop, other + "link"})
	for _, path := range []string{loop, other + "link"} {
		for name, s := range writers(t, path, other) {
			t.Run(name, func(t *testing.T) { isA[*InUseError](t, fails(t, l, s)) })
		}
		isA[*InUseError](t, fails(t, l, newDraft(t, path)))
	}
	for name, s := range readers(t, Source{Path: loop}) {
		t.Run("read to "+name, func(t *testing.T) {
			if name != "fill" {
				do(t, l, s)
			}
		})
	}
	holds(t, loop, before)
}

// TestLinks reads and writes through links of another user, at different places of a path. This must fail
// unless they lead to that user's files.
func TestLinks(t *testing.T) {
	if os.Geteuid() != 0 {
		notRun(t, "links of others: it needs root")
	}
	l := &Local{}
	all, other := images(t)
	dir := t.TempDir()
	for kind, image := range all {
		do(t, l, Symlink{image, dir + "/" + kind + "-ours"}, Symlink{image, dir + "/" + kind + "-theirs"})
		do(t, l, Symlink{kind + "-theirs", dir + "/" + kind + "-chain"})
		if err := os.Lchown(dir+"/"+kind+"-theirs", 4711, 4711); err != nil {
			t.Fatal(err)
		}
		for _, link := range []string{"-theirs", "-chain"} {
			path := dir + "/" + kind + link
			for name, s := range writers(t, path, other) {
				t.Run(name+" "+kind+link, func(t *testing.T) {
					if err := fails(t, l, s); !errors.Is(err, fs.ErrPermission) {
						t.Error(err)
					}
				})
			}
			for name, s := range readers(t, Source{Path: path}) {
				t.Run("read to "+name+" "+kind+link, func(t *testing.T) { isA[*safeopen.LinkError](t, fails(t, l, s)) })
			}
		}
		holds(t, image, random(99, 1<<20))
		do(t, l, Zero{Path: dir + "/" + kind + "-ours"})
		holds(t, image, make([]byte, 1<<20))
		if kind == "file" {
			do(t, l, Chown{image, 4711, -1}, Discard{Path: dir + "/" + kind + "-chain"})
		}
	}
}

// TestNoData applies steps to files without data. The steps must fail without opening them: opening a FIFO
// would wait for its other end.
func TestNoData(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	put(t, dir+"/other", make([]byte, 1<<20))
	if err := unix.Mkfifo(dir+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	do(t, l, Symlink{"fifo", dir + "/link"}, Mkdir{dir + "/dir", 0o755})
	for _, path := range []string{dir + "/fifo", dir + "/link", "/dev/null", "/dev/tty", dir + "/dir",
		dir + "/none", dir + "/other/x"} {
		steps := writers(t, path, dir+"/other")
		for name, s := range readers(t, Source{Path: path}) {
			steps["read to "+name] = s
		}
		for name, s := range steps {
			if err := soon(t, name, func() error { return l.Change(t.Context(), s) }); err == nil {
				t.Errorf("%s of %s: %v", name, path, err)
			}
		}
	}
}

// TestHoldWritten holds a file that this process has open, for reading and for writing, without locks.
func TestHoldWritten(t *testing.T) {
	path := t.TempDir() + "/file"
	put(t, path, []byte("data"))
	hold := func() error {
		h, err := safeopen.OpenPath(path)
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		held, err := NewHold(h)
		if err == nil {
			held.Release()
		}
		return err
	}
	open(t, path, os.O_RDONLY)
	before := hold()
	writer := open(t, path, os.O_WRONLY)
	isA[*InUseError](t, hold())
	writer.Close()
	if err := errors.Join(before, hold()); err != nil {
		t.Error(err)
	}
}
