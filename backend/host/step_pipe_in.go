package host

import (
	"context"
	"fmt"
	"io"
	"os"

	"poolctl/backend/host/extents"
	"poolctl/backend/host/shell"
	"poolctl/backend/host/sparse"
)

// PipeIn has a program write data to a volume that only the program can access. It corresponds to Upload. If
// it fails, the program may have written a part of the data.
type PipeIn struct {
	Command Command // reads extents from its standard input
	Format  extents.Codec
	// Each, if not nil, replaces Command and Format: the command that Each returns writes its standard input
	// as one extent. If Sparse, zeros are not written, because the volume reads as zeros there.
	Each   func(offset, length uint64) Command
	From   *os.File // nil: Source; if that is nil, too, Length zeros are written
	Name   string   // path of From for a shell; empty: standard input
	Source *Source
	Target string // for messages
	Size   uint64 // of the volume
	Offset uint64 // in the volume
	Length uint64 // at most this many bytes; 0: all
	Sparse bool   // send holes and blocks of zeros as such, which may deallocate them

	Progress Progress
}

// Shell implements Step. The length of the data precedes them, so that data from a pipe would have to be
// saved first.
func (f PipeIn) Shell() string {
	if f.Each != nil {
		return f.shellEach()
	}
	length, data := int64(f.Length), ""
	switch {
	case f.From == nil && f.Source == nil && f.Sparse:
		return f.piped(shellPrintf(f.Format.Zeros(f.Offset, f.Length)))
	case f.From == nil && f.Source == nil:
		data = fmt.Sprintf("head -c %d /dev/zero", length)
	default:
		from, size := f.shellSource()
		if size < 0 {
			const comment = "cat # preceded by w, the offset %d and the length of the input"
			return f.piped(fmt.Sprintf(comment, f.Offset))
		}
		if length == 0 || size < length {
			length = size
		}
		data = fmt.Sprintf("head -c %d", length) + from
	}
	return f.piped(shellPrintf(f.Format.Data(f.Offset, uint64(length))) + "; " + data)
}

func (f PipeIn) piped(data string) string {
	begin, end := shellPrintf(f.Format.Begin()), shellPrintf(f.Format.End())
	return fmt.Sprintf("{ %s; %s; %s; } | %s", begin, data, end, f.Command.Shell())
}

// shellSource returns the argument by which a shell reads the data, and their size in bytes, or -1 if that is
// not known.
func (f PipeIn) shellSource() (from string, size int64) {
	if f.Source != nil {
		return " " + shell.Quote(f.Source.Path), inspectForShell(f.Source.Path).size
	}
	at, seekable := sparse.Position(f.From)
	if !seekable {
		return "", -1
	}
	end, err := sparse.Size(f.From)
	if err != nil {
		return "", -1
	}
	if f.Name != "" {
		from = " " + shell.Quote(f.Name)
	}
	return from, max(end-at, 0)
}

func (f PipeIn) apply(ctx context.Context, l *Local) error {
	if f.Offset > f.Size {
		return &OffsetError{f.Target, f.Offset, f.Size}
	}
	in := f.From
	if f.Source != nil {
		file, err := f.Source.open(l)
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	}
	room := int64(f.Size - f.Offset)
	w := &extents.Writer{Codec: f.Format, Shift: int64(f.Offset), Sparse: f.Sparse, Progress: f.Progress}
	if in == nil {
		w.Total = int64(f.Length)
		return f.feed(ctx, l, w, func() error { return f.sendZeros(ctx, w) })
	}
	from, seekable := sparse.Position(in)
	if !seekable {
		return f.feed(ctx, l, w, func() error { return f.receive(ctx, w, in, room) })
	}
	size, err := sparse.Size(in)
	if err != nil {
		return err
	}
	w.Total = max(size-from, 0)
	if f.Length > 0 && f.Length < uint64(w.Total) {
		w.Total = int64(f.Length)
	}
	if w.Total > room {
		return &DoesNotFitError{f.Target, f.Offset, uint64(w.Total), uint64(room)}
	}
	w.Shift -= from
	err = f.feed(ctx, l, w, func() error { return w.WriteFile(ctx, in, from, w.Total) })
	if _, seekErr := in.Seek(from+w.Done, io.SeekStart); err == nil {
		err = seekErr
	}
	return err
}

// feed runs the program, and calls send to write the extents.
func (f PipeIn) feed(ctx context.Context, l *Local, w *extents.Writer, send func() error) error {
	if f.Each != nil {
		return f.feedEach(l, w, send)
	}
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	w.To = in
	command := f.Command
	command.stdin = out
	ended := l.startPiped(ctx, command, out, in)
	if err = w.Begin(); err == nil {
		err = send()
	}
	if err == nil {
		err = w.End()
	}
	if endErr := ended(); err == nil || isBrokenPipe(err) || ctx.Err() != nil {
		err = endErr
	}
	if err != nil && w.Done > 0 {
		return &IncompleteError{uint64(w.Done), err}
	}
	return err
}

// receive sends data from a stream.
func (f PipeIn) receive(ctx context.Context, w *extents.Writer, in *os.File, room int64) error {
	limit, full := room, true
	if f.Length > 0 && f.Length <= uint64(room) {
		limit, full = int64(f.Length), false
	}
	err := w.WriteStream(ctx, in, limit)
	if err != nil || w.Done < limit || !full {
		return err
	}
	more, err := sparse.Wait(ctx, func() (int, error) { return in.Read(make([]byte, 1)) })
	if more > 0 {
		return &DoesNotFitError{Path: f.Target, Offset: f.Offset, Room: uint64(room)}
	}
	return sparse.NotEOF(err)
}

// sendZeros sends Length zeros. If Sparse, it does not send them as data.
func (f PipeIn) sendZeros(ctx context.Context, w *extents.Writer) error {
	const most = 1 << 30 // at a time, so that progress can be reported
	part := int64(len(sparse.Zeros))
	if f.Sparse {
		part = most
	}
	return eachPart(int64(f.Length), part, func(at, length int64) error {
		if f.Sparse {
			return w.WriteZeros(ctx, at, length)
		}
		return w.WriteData(ctx, at, sparse.Zeros[:length])
	})
}

// eachPart calls do for parts of at most most bytes.
func eachPart(all, most int64, do func(at, length int64) error) error {
	for at := int64(0); at < all; at += most {
		if err := do(at, min(all-at, most)); err != nil {
			return err
		}
	}
	return nil
}
