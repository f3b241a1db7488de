package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Wipe returns the step that destroys a file's or block device's data by an algorithm of virsh's, nil if there is none of that name:
// zero, trim, and the patterns of scrub(1).
func Wipe(path, algorithm string, progress Progress) Step {
	switch algorithm {
	case "zero":
		return Zero{Path: path, Progress: progress}
	case "trim":
		return Discard{Path: path, Progress: progress}
	case "nnsa", "dod", "bsi", "gutmann", "schneier", "pfitzner7", "pfitzner33", "random":
		return Scrub{Path: path, Pattern: algorithm}
	}
	return nil
}

// Zero makes a file or block device read as zeros. The kernel only marks it as empty where it can (fallocate(2), BLKZEROOUT). A
// sparse file becomes one hole; what has all its room keeps it.
type Zero struct {
	Path     string
	From     uint64 // the first byte
	Progress Progress
}

// Shell implements Step.
func (z Zero) Shell() string {
	return fmt.Sprintf("if [ -b %[1]s ]; then blkdiscard -f -z -o %[2]d %[1]s; "+
		"elif [ $(($(stat -Lc '%%b * 512' %[1]s))) -lt $(stat -Lc %%s %[1]s) ]; then fallocate -n -p -o %[2]d -l $(stat -Lc %%s %[1]s) %[1]s; "+
		"else fallocate -n -z -o %[2]d -l $(($(stat -Lc %%s %[1]s) - %[2]d)) %[1]s; fi", Quote(z.Path), z.From)
}

func (z Zero) apply(ctx context.Context, l *Local) error {
	return l.changeAll(ctx, z.Path, z.From, z.Progress, func(f *os.File, from, length int64) error {
		by := zeroOut
		if isSparse(f) {
			by = punch
		}
		return clearRange(ctx, f, by, from, from+length)
	})
}

// isSparse tells whether a file has less room than it is long.
func isSparse(f *os.File) bool {
	var st unix.Stat_t
	return unix.Fstat(int(f.Fd()), &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Blocks*512 < st.Size
}

// Discard gives back all room of a file; of a block device, where the device knows how. It may then read as anything, but most
// read as zeros (BLKDISCARD).
type Discard struct {
	Path     string
	Progress Progress
}

// Shell implements Step.
func (d Discard) Shell() string {
	return fmt.Sprintf("if [ -b %[1]s ]; then blkdiscard -f %[1]s; else fallocate -n -p -l $(stat -Lc %%s %[1]s) %[1]s; fi", Quote(d.Path))
}

func (d Discard) apply(ctx context.Context, l *Local) error {
	return l.changeAll(ctx, d.Path, 0, d.Progress, func(f *os.File, from, length int64) error {
		return pathError("discard", d.Path, discard(f, from, length))
	})
}

// changeAll does something to all of a file or block device from a byte on, piece by piece.
func (l *Local) changeAll(ctx context.Context, path string, from uint64, progress Progress, do func(f *os.File, from, length int64) error) error {
	f, err := l.openData(path, writing)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := dataSize(f)
	if err != nil {
		return err
	}
	err = inChunks(ctx, int64(from), size, func(from, length int64) error {
		progress.tell(from, size)
		return do(f, from, length)
	})
	if err != nil {
		return err
	}
	return f.Sync()
}

// Scrub overwrites a file or block device with patterns, by scrub(1). Holes get data.
type Scrub struct {
	Path    string
	Pattern string // as scrub names it
}

// Shell implements Step. Of a file, scrub fills the last block, behind its end.
func (s Scrub) Shell() string {
	path := Quote(s.Path)
	return fmt.Sprintf("size=$(stat -Lc %%s %[1]s) && %[2]s && ([ -b %[1]s ] || truncate -cs $size %[1]s)", path, s.command("--", s.Path).Shell())
}

func (s Scrub) command(args ...string) Command {
	return Cmd("scrub", append([]string{"-f", "-p", s.Pattern}, args...)...)
}

// apply lets scrub work on the very file that is open here, and that nobody else can use until it is done. Of a device, it has to be
// told the size: under such a name it takes it for empty, and does nothing.
func (s Scrub) apply(ctx context.Context, l *Local) error {
	f, err := l.openData(s.Path, writing)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := dataSize(f)
	if err != nil {
		return err
	}
	c := s.command("--", "/dev/fd/3")
	if isBlock(f) {
		c = s.command("-s", strconv.FormatInt(size, 10), "--", "/dev/fd/3")
	}
	c.files = []*os.File{f}
	_, err = l.Query(ctx, c)
	if isRegular(f) {
		err = errors.Join(err, f.Truncate(size), f.Sync())
	}
	return err
}
