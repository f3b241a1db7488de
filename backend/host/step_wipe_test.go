package host

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestZero zeroes files on all file systems: fully allocated files stay so, others become one hole.
func TestZero(t *testing.T) {
	l := &Local{}
	for name, dir := range fileSystems(t) {
		t.Run(name, func(t *testing.T) {
			for _, s := range append(sparseFiles(), sparseFile{size: 3<<20 + 5, extents: [][2]int64{{0, 3<<20 + 5}}}) {
				path := dir + "/file"
				s.write(t, path)
				full := room(t, path) >= s.size
				var done, total uint64
				do(t, l, Zero{Path: path, Progress: func(d, n uint64) { done, total = d, n }})
				holds(t, path, make([]byte, s.size))
				if done != uint64(s.size) || total != done {
					t.Errorf("%+v: it reported %d of %d bytes at the end", s, done, total)
				}
				if got := room(t, path); full && got < s.size || !full && got > 8192 {
					t.Errorf("%+v: %d bytes are allocated", s, got)
				}
				s.write(t, path)
				do(t, l, Discard{Path: path})
				holds(t, path, make([]byte, s.size))
				if got := room(t, path); got > 8192 {
					t.Errorf("%+v: after Discard, %d bytes are allocated", s, got)
				}
			}
		})
	}
}

// TestZeroByWriting zeroes where the file system supports only writing zeros.
func TestZeroByWriting(t *testing.T) {
	l, dir := &Local{}, mount(t, "-t", "ramfs", "ramfs")
	all := sparseFile{3<<20 + 5, [][2]int64{{1, 1 << 20}}}.write(t, dir+"/file")
	if err := fails(t, l, Discard{Path: dir + "/file"}); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	holds(t, dir+"/file", all)
	do(t, l, Zero{Path: dir + "/file", From: 2})
	clear(all[2:])
	holds(t, dir+"/file", all)
	for _, from := range []uint64{3<<20 + 6, 1 << 63, 1<<64 - 1} {
		isA[*OffsetError](t, fails(t, l, Zero{Path: dir + "/file", From: from}))
	}
	do(t, l, Zero{Path: dir + "/file", From: 3<<20 + 5})
	holds(t, dir+"/file", all)
	do(t, l, Resize{Path: dir + "/file", Size: 4 << 20, Allocate: true})
	holds(t, dir+"/file", append(all, make([]byte, 1<<20-5)...))
}

func TestZeroDevice(t *testing.T) {
	l := &Local{}
	for _, size := range []int64{512, 4096, 3<<20 + 512, 300 << 20} {
		loop := device(t, size)
		var told []uint64
		do(t, l, Zero{Path: loop, Progress: func(d, _ uint64) { told = append(told, d) }})
		holds(t, loop, make([]byte, size))
		if told[len(told)-1] != uint64(size) {
			t.Errorf("it reported %d", told)
		}
		put(t, loop, random(1, 512))
		do(t, l, Discard{Path: loop})
		holds(t, loop, make([]byte, size)) // the loop device punches its file
	}
}

func TestZeroCancelled(t *testing.T) {
	l, path := &Local{}, t.TempDir()+"/file"
	run(t, "truncate", "-s", "1G", path)
	for _, step := range []func(Progress) Step{
		func(p Progress) Step { return Zero{Path: path, Progress: p} },
		func(p Progress) Step { return Discard{path, p} },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		if err := l.Change(ctx, step(once(cancel))); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

// TestScrub overwrites a whole file or device, and keeps its length.
func TestScrub(t *testing.T) {
	l := &Local{}
	if _, err := lookTool("scrub"); err != nil {
		notRun(t, err.Error())
	}
	check := func(t *testing.T, path string, size int64) {
		do(t, l, Scrub{Path: path, Pattern: "fillff"})
		got := get(t, path)
		if int64(len(got)) != size {
			t.Fatalf("its length was %d bytes, is %d", size, len(got))
		}
		const signature = 512 // that scrub writes at the start
		if size > signature && !bytes.Equal(got[signature:], bytes.Repeat([]byte{0xff}, int(size)-signature)) ||
			bytes.Contains(random(99, int(size)), got[:min(size, 20)]) && size > 0 {
			t.Errorf("of %d bytes, some were not overwritten", size)
		}
	}
	for name, dir := range fileSystems(t) {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int64{0, 1, 511, 512, 4096, 5000, 1<<20 + 512, 1 << 20} {
				put(t, dir+"/file", random(99, int(size)))
				check(t, dir+"/file", size)
			}
			run(t, "truncate", "-s", "0", dir+"/file")
			run(t, "truncate", "-s", "1M", dir+"/file")
			check(t, dir+"/file", 1<<20)
			if got := room(t, dir+"/file"); got < 1<<20 {
				t.Errorf("a hole became %d allocated bytes", got)
			}
		})
	}
	for _, size := range []int64{512, 1 << 20, 1<<20 + 512} {
		check(t, device(t, size), size)
	}
}

// TestScrubMeanwhile tries to use a file while it is scrubbed, and cancels scrubbing.
func TestScrubMeanwhile(t *testing.T) {
	l, path := &Local{}, t.TempDir()+"/file"
	put(t, path, make([]byte, 8<<20+5))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error)
	go func() { done <- l.Change(ctx, Scrub{Path: path, Pattern: "pfitzner33"}) }()
	for stat(t, path).Mtim == stat(t, path).Ctim && stat(t, path).Size == 8<<20+5 &&
		len(done) == 0 { // scrub first pads the file
		if get(t, path)[0] != 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if a, b, c, d := meanwhile(t, path); a || b || c || d {
		t.Errorf("qemu reads %v, writes %v; steps read %v, write %v", a, b, c, d)
	}
	cancel()
	if err := soon(t, "scrub", func() error { return <-done }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if size := stat(t, path).Size; size != 8<<20+5 {
		t.Errorf("its length is %d bytes", size)
	}
	do(t, l, Zero{Path: path})
}

// TestResize makes files longer and shorter.
func TestResize(t *testing.T) {
	l := &Local{}
	for name, dir := range fileSystems(t) {
		t.Run(name, func(t *testing.T) {
			for _, s := range sparseFiles()[3:8] {
				for _, size := range []int64{0, s.size / 2, s.size + 1, s.size + 1<<20} {
					for _, allocate := range []bool{false, true} {
						all := s.write(t, dir+"/file")
						before := room(t, dir+"/file")
						do(t, l, Resize{Path: dir + "/file", Size: uint64(size), Allocate: allocate})
						want := make([]byte, size)
						copy(want, all)
						holds(t, dir+"/file", want)
						if got := room(t, dir+"/file"); allocate && got < size || !allocate && got > before+8192 {
							t.Errorf("%+v, now %d bytes: %d allocated bytes became %d", s, size, before, got)
						}
					}
				}
			}
		})
	}
	dir := t.TempDir()
	put(t, dir+"/file", random(1, 100))
	for _, size := range []uint64{1 << 63, 1<<64 - 1} {
		for _, allocate := range []bool{false, true} {
			refuse(t, l, dir, Resize{dir + "/file", size, allocate}, unix.EFBIG, unix.EINVAL)
		}
	}
	refuse(t, l, dir, Resize{Path: dir + "/none", Size: 1}, os.ErrNotExist)
	loop := device(t, 4096)
	fails(t, l, Resize{Path: loop, Size: 1})
	holds(t, loop, random(99, 4096))
}

// TestResizeFull resizes on a full file system: the file keeps its length, and nearly its allocation.
func TestResizeFull(t *testing.T) {
	if os.Getenv(private) == "" {
		notRun(t, "full disks: it needs root")
	}
	l := &Local{}
	for name, dir := range fileSystems(t) {
		t.Run(name, func(t *testing.T) {
			put(t, dir+"/file", random(1, 1<<20))
			before := room(t, dir+"/file")
			tooLarge := Resize{Path: dir + "/file", Size: 1 << 30, Allocate: true}
			if err := fails(t, l, tooLarge); !errors.Is(err, unix.ENOSPC) {
				t.Error(err)
			}
			holds(t, dir+"/file", random(1, 1<<20))
			if got := room(t, dir+"/file"); got > before+1<<20 {
				t.Errorf("%d allocated bytes became %d", before, got)
			}
		})
	}
}

// TestScrubProgress counts all passes.
func TestScrubProgress(t *testing.T) {
	if _, err := lookTool("scrub"); err != nil {
		notRun(t, err.Error())
	}
	const size = 1 << 20
	file := t.TempDir() + "/a.b|c"
	put(t, file, random(1, size))
	for pattern, passes := range scrubPasses {
		var told []uint64
		do(t, &Local{}, Scrub{Path: file, Pattern: pattern, Progress: func(done, total uint64) {
			told = append(told, done)
			if total != uint64(passes)*size {
				t.Errorf("%s: the total is %d", pattern, total)
			}
		}})
		if len(told) == 0 || told[len(told)-1] != uint64(passes)*size || !slices.IsSorted(told) {
			t.Errorf("%s: it reported %v", pattern, told)
		}
	}
}
