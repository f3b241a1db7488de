package host

import (
	"context"
	"fmt"

	"poolctl/backend/fault"
	"poolctl/backend/host/shell"
	"poolctl/backend/host/sparse"
)

// CopyInto copies a file or block device over another, which exists. The rest of the target then reads as
// zeros.
type CopyInto struct {
	From     Source
	Path     string
	Progress Progress
	Blank    bool // the target is new and reads as zeros: writing zeros would allocate space
}

// Shell implements Step.
func (f CopyInto) Shell() string {
	path, is, data := shell.Quote(f.Path), inspectForShell(f.Path), inspectForShell(f.From.Path).size
	line := ""
	switch {
	case f.Blank:
	case is.isBlock:
		line = "blkdiscard -z " + path + " </dev/null && "
	case is.size > 0:
		const punch = "{ fallocate -n -p -l %[1]d %[2]s 2>/dev/null || head -c %[3]d /dev/zero 1<>%[2]s; } && "
		line = fmt.Sprintf(punch,
			(is.size+sparse.Block-1)/sparse.Block*sparse.Block, path, is.size)
	}
	if is.size > 0 || !is.isBlock { // otherwise it does not exist yet, in a dry run
		line = fmt.Sprintf("[ %d -le %d ] && ", data, is.size) + line
	}
	return line + fmt.Sprintf("dd if=%s of=%s bs=64k conv=nocreat,notrunc,sparse,fsync status=none",
		shell.Quote(f.From.Path), path)
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
	size, err := sparse.Size(in)
	if err != nil {
		return err
	}
	room, err := sparse.Size(out)
	if err != nil {
		return err
	}
	if size > room {
		return &DoesNotFitError{Path: f.Path, Size: uint64(size), Room: uint64(room)}
	}
	copier := sparse.Copier{In: in, Out: out, Holes: sparse.ClearHoles, Progress: f.Progress}
	if f.Blank {
		copier.Holes = sparse.KeepHoles
	}
	err = copier.Run(ctx, 0, 0, size)
	if err == nil && !f.Blank {
		err = sparse.Clear(ctx, out, sparse.Punch, size, room)
	}
	if err != nil {
		return err
	}
	return out.Sync()
}

// A DoesNotFitError reports that data are longer than their target.
type DoesNotFitError struct {
	Path   string
	Offset uint64
	Size   uint64 // of the data; 0: unknown, but more than Room
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
