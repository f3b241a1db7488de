package host

import (
	"context"
	"fmt"

	"poolctl/backend/host/extents"
)

// feedEach runs a program for every extent. The program starts when all data of the extent are available,
// because a program that reads less than expected may write zeros for the rest.
func (f PipeIn) feedEach(l *Local, w *extents.Writer, send func() error) error {
	w.Each = func(ctx context.Context, at int64, b []byte) error {
		data, err := Input{Data: b}.open(l)
		if err != nil {
			return err
		}
		defer data.Close()
		command := f.Each(uint64(at), uint64(len(b)))
		command.stdin = data
		return command.apply(ctx, l)
	}
	err := send()
	if err != nil && w.Done > 0 {
		return &IncompleteError{uint64(w.Done), err}
	}
	return err
}

// shellEach returns a command that writes all data as one extent. If their length is not known, it names the
// largest possible length.
func (f PipeIn) shellEach() string {
	from, size := f.shellSource()
	room := int64(f.Size - min(f.Offset, f.Size))
	length := int64(f.Length)
	if length == 0 {
		length = room
	}
	if size < 0 {
		return f.Each(f.Offset, uint64(min(length, room))).Shell()
	}
	length = min(length, size)
	return fmt.Sprintf("head -c %d%s | %s", length, from, f.Each(f.Offset, uint64(length)).Shell())
}
