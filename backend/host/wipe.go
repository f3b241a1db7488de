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

// Shell implements Step. Without -f, blkdiscard refuses a device that is in use, and asks nothing if nobody could answer.
func (z Zero) Shell() string {
	path := Quote(z.Path)
	device := fmt.Sprintf("blkdiscard -z -o %d %s </dev/null", z.From, path)
	zeros := fmt.Sprintf("head -c $rest /dev/zero | dd of=%s bs=1M oflag=seek_bytes seek=%d iflag=fullblock conv=nocreat,notrunc,fsync status=none",
		path, z.From)
	if z.From%sector != 0 {
		device = zeros
	}
	return fmt.Sprintf("%[1]s && rest=$((size - %[2]d)) && [ $rest -ge 0 ] && if [ $rest -eq 0 ]; then :; elif [ -b %[3]s ]; then %[4]s; "+
		"else how=-z && if [ $(($(stat -Lc '%%b * 512' %[3]s))) -lt $size ]; then how=-p; fi && "+
		"{ fallocate -n $how -o %[2]d -l $rest %[3]s 2>/dev/null || %[5]s; }; fi", shellSize(path), z.From, path, device, zeros)
}

// sector is what offsets and lengths on a device are multiples of, at least.
const sector = 512

// shellSize sets $size to the size of a file or device.
func shellSize(path string) string {
	return fmt.Sprintf("size=$(if [ -b %[1]s ]; then blockdev --getsize64 %[1]s; else stat -Lc %%s %[1]s; fi)", path)
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
	path := Quote(d.Path)
	return fmt.Sprintf("%[1]s && if [ $size -eq 0 ]; then :; elif [ -b %[2]s ]; then blkdiscard %[2]s </dev/null; "+
		"else fallocate -p -l $size %[2]s; fi", shellSize(path), path)
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
	if from > uint64(size) {
		return &OffsetError{path, from, uint64(size)}
	}
	progress.tell(int64(from), size)
	err = inChunks(ctx, int64(from), size, func(from, length int64) error {
		err := do(f, from, length)
		if err == nil {
			progress.tell(from+length, size)
		}
		return err
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

// Shell implements Step. scrub makes files longer, up to where a block ends, and has to be told how large a device is: of one
// that it finds by a link, as all of LVM's are, it believes that there is nothing to do.
func (s Scrub) Shell() string {
	path := Quote(s.Path)
	return fmt.Sprintf("%[1]s && if [ -b %[2]s ]; then scrub -f -p %[3]s -s $size -- %[2]s; "+
		"else scrub -f -p %[3]s -- %[2]s && truncate -cs $size %[2]s; fi", shellSize(path), path, Quote(s.Pattern))
}

// apply lets scrub work on the very file that is open here, and that nobody else can use until it is done.
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
	c := Cmd("scrub", "-f", "-p", s.Pattern)
	if isBlock(f) {
		c.Args = append(c.Args, "-s", strconv.FormatInt(size, 10))
	}
	c.Args, c.files = append(c.Args, "--", "/dev/fd/3"), []*os.File{f}
	_, err = l.Query(ctx, c)
	if isRegular(f) {
		err = errors.Join(err, f.Truncate(size))
	}
	if err != nil {
		return err
	}
	return f.Sync()
}
