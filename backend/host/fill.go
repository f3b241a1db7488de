package host

import (
	"context"
	"fmt"
)

// Fill makes a block device, or a file that is there, the copy of another. What is behind the end of the copy reads as zeros then.
type Fill struct {
	From     Source
	Path     string
	Progress Progress
}

// Shell implements Step.
func (f Fill) Shell() string {
	path, source := Quote(f.Path), Quote(f.From.Path)
	return fmt.Sprintf("%[1]s && data=$size && %[2]s && [ $data -le $size ] && if [ -b %[3]s ]; then blkdiscard -z %[3]s </dev/null; "+
		"elif [ $size -gt 0 ]; then fallocate -p -l $size %[3]s 2>/dev/null || head -c $size /dev/zero 1<>%[3]s; fi && "+
		"dd if=%[4]s of=%[3]s bs=64k conv=nocreat,notrunc,sparse,fsync status=none", shellSize(source), shellSize(path), path, source)
}

func (f Fill) apply(ctx context.Context, l *Local) error {
	in, err := f.From.open(l)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := l.openData(f.Path, writing)
	if err != nil {
		return err
	}
	defer out.Close()
	size, err := dataSize(in)
	if err != nil {
		return err
	}
	room, err := dataSize(out)
	if err != nil {
		return err
	}
	if size > room {
		return &DoesNotFitError{Path: f.Path, Size: uint64(size), Room: uint64(room)}
	}
	copying := copying{in: in, out: out, holes: clearHoles, progress: f.Progress}
	if err := copying.run(ctx, 0, 0, size); err != nil {
		return err
	}
	if err := clearRange(ctx, out, punch, size, room); err != nil {
		return err
	}
	return out.Sync()
}

// A DoesNotFitError tells that data are too many for where they were to go.
type DoesNotFitError struct {
	Path   string
	Offset uint64
	Size   uint64 // of the data; 0: not known, but more than Room
	Room   uint64 // bytes from Offset on
}

func (e *DoesNotFitError) Error() string {
	where := fmt.Sprintf("%q has room for %d bytes", e.Path, e.Room)
	if e.Offset > 0 {
		where += fmt.Sprintf(" from offset %d on", e.Offset)
	}
	if e.Size == 0 {
		return where + ", and there are more"
	}
	return fmt.Sprintf("%s, not for %d", where, e.Size)
}
