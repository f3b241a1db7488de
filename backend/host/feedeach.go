package host

import (
	"context"
	"fmt"
)

// buffer is as large as what is sent at a time. A program that writes one piece takes its time to begin.
func (s *extentWriter) buffer() []byte {
	if s.each != nil {
		return make([]byte, 16*piece)
	}
	return make([]byte, piece)
}

// smallest is the least of zeros that is not sent as data.
func (s *extentWriter) smallest() int {
	if s.each != nil {
		return len(zeros)
	}
	return smallest
}

// feedEach lets a program run for every piece. Each has all of its data before it begins: one that reads less than it was told may take zeros for
// the rest.
func (f PipeIn) feedEach(l *Local, s *extentWriter, send func() error) error {
	s.each = func(ctx context.Context, at int64, b []byte) error {
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
	if err != nil && s.done > 0 {
		return &IncompleteError{uint64(s.done), err}
	}
	return err
}

// shellEach gives a program all at once. Where nobody knows how much that is, it is told how much there may be.
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
