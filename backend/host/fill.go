package host

import (
	"context"
	"fmt"

	"poolctl/fault"
)

// CopyInto makes a block device, or a file that is there, the copy of another. What is behind the end of the copy reads as zeros then.
type CopyInto struct {
	From     Source
	Path     string
	Progress Progress
	Blank    bool // it is new and reads as zeros, which are not written: they would take room
}

// Shell implements Step.
func (f CopyInto) Shell() string {
	path, is, data := Quote(f.Path), lookAt(f.Path), lookAt(f.From.Path).size
	line := ""
	switch {
	case f.Blank:
	case is.isBlock:
		line = "blkdiscard -z " + path + " </dev/null && "
	case is.size > 0:
		line = fmt.Sprintf("{ fallocate -n -p -l %[1]d %[2]s 2>/dev/null || head -c %[3]d /dev/zero 1<>%[2]s; } && ",
			(is.size+block-1)/block*block, path, is.size)
	}
	if is.size > 0 || !is.isBlock { // otherwise it is still to be made
		line = fmt.Sprintf("[ %d -le %d ] && ", data, is.size) + line
	}
	return line + fmt.Sprintf("dd if=%s of=%s bs=64k conv=nocreat,notrunc,sparse,fsync status=none", Quote(f.From.Path), path)
}

func (f CopyInto) apply(ctx context.Context, l *Local) error {
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
	if f.Blank {
		copying.holes = keepHoles
	}
	err = copying.run(ctx, 0, 0, size)
	if err == nil && !f.Blank {
		err = clearRange(ctx, out, punch, size, room)
	}
	if err != nil {
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

// Kind implements [fault.Error].
func (*DoesNotFitError) Kind() fault.Kind { return fault.State }

// HintLine implements [fault.Hinter].
func (*DoesNotFitError) HintLine() string { return "vol-resize makes a volume larger" }
