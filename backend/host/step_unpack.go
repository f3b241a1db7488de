package host

import (
	"context"
	"os"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/shell"
	"poolctl/backend/host/sparse"
)

// An Unpack decompresses a file to another one, which it creates or replaces. Blocks of zeros become holes.
// The caller removes the file after an error.
type Unpack struct {
	Command  Command // reads its standard input, and writes to its standard output
	From     *KeptFile
	To       string
	Limit    uint64 // at most this many bytes
	Progress Progress
}

// Shell implements Step.
func (u Unpack) Shell() string {
	return u.Command.Shell() + " <" + shell.Quote(u.From.Path) + " >" + shell.Quote(u.To)
}

func (u Unpack) apply(ctx context.Context, l *Local) error {
	at, err := l.entry(u.To)
	if err != nil {
		return err
	}
	defer at.Close()
	const flags = unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC | unix.O_NOFOLLOW
	to, err := safeopen.OpenAt(at.Dir, at.Name, u.To, flags)
	if err != nil {
		return err
	}
	defer to.Close()
	size, err := sparse.Size(u.From.file)
	if err != nil {
		return err
	}
	if _, err := retry.Seek(int(u.From.file.Fd()), 0, unix.SEEK_SET); err != nil {
		return err
	}
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	c := u.Command
	c.stdin, c.stdout = u.From.file, out
	ended := l.startPiped(ctx, c, out, in)
	progress := func(uint64, uint64) { // the program moves the offset that it shares with us
		if at, seekable := sparse.Position(u.From.file); seekable {
			u.Progress.Report(at, size)
		}
	}
	room := int64(u.Limit) + 1
	done, err := sparse.ReadStream(ctx, in, to, 0, room, sparse.KeepHoles, progress)
	endErr := ended()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case done == room:
		return &TooLargeError{u.Limit}
	case err != nil:
		return err
	case endErr != nil:
		return endErr
	}
	if err := to.Truncate(done); err != nil { // the end may be a hole
		return err
	}
	return to.Sync()
}
