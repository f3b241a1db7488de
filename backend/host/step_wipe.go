package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/shell"
	"poolctl/backend/host/sparse"
)

// Wipe returns the step that destroys the data of a file or block device by one of virsh's algorithms: zero,
// trim, and the patterns of scrub(1). It returns nil for an unknown algorithm.
func Wipe(path, algorithm string, progress Progress) Step {
	switch algorithm {
	case "zero":
		return Zero{Path: path, Progress: progress}
	case "trim":
		return Discard{Path: path, Progress: progress}
	}
	if scrubPasses[algorithm] > 0 {
		return Scrub{Path: path, Pattern: algorithm, Progress: progress}
	}
	return nil
}

// scrubPasses contains the patterns of scrub(1), and in how many passes scrub writes each.
var scrubPasses = map[string]int64{
	"nnsa": 4, "dod": 4, "bsi": 9, "gutmann": 35, "schneier": 7, "pfitzner7": 7, "pfitzner33": 33, "random": 1,
}

// Zero makes a file or block device read as zeros. Where the kernel can, it only marks the range as empty
// (fallocate(2), BLKZEROOUT). A sparse file becomes one hole; a file without holes stays allocated.
type Zero struct {
	Path     string
	From     uint64 // the first byte
	Progress Progress
}

// Shell implements Step.
func (z Zero) Shell() string {
	path, is := shell.Quote(z.Path), inspectForShell(z.Path)
	length := max(is.size-int64(z.From), 0)
	const write = "head -c %d /dev/zero | dd of=%s bs=1M oflag=seek_bytes seek=%d iflag=fullblock " +
		"conv=nocreat,notrunc,fsync status=none"
	zeros := fmt.Sprintf(write,
		length, path, z.From)
	if z.From == 0 {
		zeros = fmt.Sprintf("head -c %d /dev/zero 1<>%s", length, path)
	}
	switch {
	case is.isBlock && z.From%sector == 0:
		return fmt.Sprintf("blkdiscard -z -o %d %s </dev/null", z.From, path)
	case is.isBlock:
		return zeros
	case is.onFUSE && !is.isSparse:
		return zeros
	case length == 0:
		return fmt.Sprintf("[ $(stat -Lc %%s %s) -ge %d ]", path, z.From)
	case is.isSparse: // to the end of the last block, the rest of which would stay allocated
		length += sparse.Block - 1 - (is.size+sparse.Block-1)%sparse.Block
		return fmt.Sprintf("fallocate -n -p -o %d -l %d %s 2>/dev/null || %s", z.From, length, path, zeros)
	}
	return fmt.Sprintf("fallocate -n -z -o %d -l %d %s 2>/dev/null || %s", z.From, length, path, zeros)
}

// sector divides all offsets and lengths on a device, in bytes.
const sector = 512

// A shape is what Shell methods need to know about a file or device.
type shape struct {
	size                      int64
	isBlock, isSparse, onFUSE bool
}

// inspectForShell returns the shape of the file at a path. In a dry run, a path that does not exist yet is a
// device.
func inspectForShell(path string) shape {
	h, err := safeopen.OpenPath(path)
	if err != nil {
		return shape{isBlock: true}
	}
	defer h.Close()
	is := shape{size: h.Size, isBlock: h.IsBlock(), isSparse: h.IsFile() && h.Blocks*512 < h.Size}
	is.onFUSE = h.IsFile() && sparse.OnFUSE(path)
	if is.isBlock {
		if fd, err := h.Open(); err == nil {
			defer fd.Close()
			is.size, _ = fd.Size()
		}
	}
	return is
}

func (z Zero) apply(ctx context.Context, l *Local) error {
	return l.eachChunk(ctx, z.Path, z.From, z.Progress, func(f *os.File, from, length int64) error {
		by := sparse.ZeroOut
		if sparse.IsSparse(f) {
			by = sparse.Punch
		}
		return sparse.Clear(ctx, f, by, from, from+length)
	})
}

// Discard deallocates all space of a file, or of a block device that supports it. The device may then read as
// anything; most devices read as zeros (BLKDISCARD).
type Discard struct {
	Path     string
	Progress Progress
}

// Shell implements Step. Without -f, blkdiscard refuses a device that is in use, and asks no question if
// standard input is no terminal.
func (d Discard) Shell() string {
	path, is := shell.Quote(d.Path), inspectForShell(d.Path)
	switch {
	case is.isBlock:
		return "blkdiscard " + path + " </dev/null"
	case is.size == 0:
		return "[ -f " + path + " ]"
	}
	return fmt.Sprintf("fallocate -n -p -l %d %s", (is.size+sparse.Block-1)/sparse.Block*sparse.Block, path)
}

func (d Discard) apply(ctx context.Context, l *Local) error {
	return l.eachChunk(ctx, d.Path, 0, d.Progress, func(f *os.File, from, length int64) error {
		return safeopen.PathError("discard", d.Path, sparse.Discard(f, from, length))
	})
}

// eachChunk calls do for each chunk of a file or block device, from a byte on.
func (l *Local) eachChunk(
	ctx context.Context, path string, from uint64, progress Progress,
	do func(f *os.File, from, length int64) error,
) error {
	f, err := l.openData(path, writing)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := sparse.Size(f)
	if err != nil {
		return err
	}
	if from > uint64(size) {
		return &OffsetError{path, from, uint64(size)}
	}
	progress.Report(int64(from), size)
	err = sparse.InChunks(ctx, int64(from), size, func(from, length int64) error {
		err := do(f, from, length)
		if err == nil {
			progress.Report(from+length, size)
		}
		return err
	})
	if err != nil {
		return err
	}
	return f.Sync()
}

// Scrub overwrites a file or block device with patterns, by scrub(1). Holes are allocated.
type Scrub struct {
	Path     string
	Pattern  string   // as scrub names it
	Progress Progress // of all passes together
}

// Shell implements Step. scrub extends files to the end of their last block, and has to be given the size of
// a device: it treats a device that is named by a link, as all of LVM's are, as empty.
func (s Scrub) Shell() string {
	is := inspectForShell(s.Path)
	line := s.command(s.Path, is.isBlock, is.size).Shell()
	if is.isBlock {
		return line
	}
	return fmt.Sprintf("%s && truncate -cs %d %s", line, is.size, shell.Quote(s.Path))
}

func (s Scrub) command(path string, isBlock bool, size int64) Command {
	args := []string{"-f", "-p", s.Pattern}
	if isBlock {
		args = append(args, "-s", strconv.FormatInt(size, 10))
	}
	return Cmd("scrub", append(args, "--", path)...)
}

// apply runs scrub on the file that is open and locked here. For a device it passes the size: scrub treats a
// device with such a name as empty.
func (s Scrub) apply(ctx context.Context, l *Local) error {
	f, err := l.openData(s.Path, writing)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := sparse.Size(f)
	if err != nil {
		return err
	}
	c := s.command("/dev/fd/3", sparse.IsBlock(f), size)
	c.files, c.OnOutput = []*os.File{f}, s.countDots(size)
	_, err = l.Query(ctx, c)
	if sparse.IsRegular(f) {
		err = errors.Join(err, f.Truncate(size))
	}
	if err != nil {
		return err
	}
	return f.Sync()
}

// countDots reports progress from the dots that scrub prints between two bars, 48 in each pass.
func (s Scrub) countDots(size int64) func([]byte) {
	const perPass = 48
	total, seen, inBar := scrubPasses[s.Pattern]*size, int64(0), false
	return func(printed []byte) {
		for _, c := range printed {
			switch {
			case c == '|':
				inBar = !inBar
			case c == '.' && inBar:
				seen++
			}
		}
		s.Progress.Report(min(seen*size/perPass, total), total)
	}
}
