package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// text is a Codec whose headers are lines of text.
type text struct{}

func (*text) Begin() []byte { return []byte("begin\n") }
func (*text) End() []byte   { return []byte("end\n") }
func (*text) Data(offset, length uint64) []byte {
	return fmt.Appendf(nil, "data %d %d\n", offset, length)
}
func (*text) Zeros(offset, length uint64) []byte {
	return fmt.Appendf(nil, "zeros %d %d\n", offset, length)
}

func (*text) Next(r io.Reader) (offset, length uint64, hasData bool, err error) {
	var line []byte
	for !bytes.HasSuffix(line, []byte("\n")) {
		var c [1]byte
		if _, err := io.ReadFull(r, c[:]); err != nil {
			return 0, 0, false, io.ErrUnexpectedEOF
		}
		line = append(line, c[0])
	}
	switch word, _, _ := strings.Cut(strings.TrimSpace(string(line)), " "); word {
	case "data":
		_, err = fmt.Sscanf(string(line), "data %d %d\n", &offset, &length)
		return offset, length, true, err
	case "end":
		return 0, 0, false, io.EOF
	}
	return 0, 0, false, nil
}

// TestPipes writes extents to a program with PipeIn, and reads them with PipeOut.
func TestPipes(t *testing.T) {
	const size = 10 << 20
	dir := t.TempDir()
	data := make([]byte, size/2)
	for i := range data[:len(data)/3] {
		data[i] = byte(i%251) + 1
	}
	for _, isSparse := range []bool{false, true} {
		kept := filepath.Join(dir, "kept")
		from, told := opened(t, dir, data), uint64(0)
		feed := PipeIn{Command: Cmd("dd", "of="+kept, "bs=1M", "status=none"), Format: &text{}, From: from,
			Target: "volume", Size: size, Offset: 1000, Sparse: isSparse,
			Progress: func(done, _ uint64) { told = done }}
		if err := new(Local).Change(t.Context(), feed); err != nil || told != uint64(len(data)) {
			t.Fatalf("%d bytes were written, error %v", told, err)
		}
		info, err := os.Stat(kept)
		if err != nil || isSparse != (info.Size() < int64(len(data)/2)) {
			t.Errorf("sparse %v: the program received %d bytes, error %v", isSparse, info.Size(), err)
		}
		for _, part := range [][2]uint64{{0, 0}, {900, 300}, {size - 5, 0}, {2000, size - 2000}} {
			to := opened(t, dir, bytes.Repeat([]byte("x"), 100))
			drain := PipeOut{Command: Cmd("cat", "--", kept), Format: &text{}, From: "volume", Size: size, To: to,
				Offset: part[0], Length: part[1], Sparse: isSparse}
			if err := new(Local).Change(t.Context(), drain); err != nil {
				t.Fatal(err)
			}
			all := append(append(make([]byte, 1000), data...), make([]byte, size)...)[:size]
			want := all[part[0]:]
			if part[1] > 0 {
				want = want[:part[1]]
			}
			if got, err := os.ReadFile(to.Name()); err != nil || !bytes.HasPrefix(got, want) {
				t.Errorf("sparse %v, %v: %d wrong bytes, error %v", isSparse, part, len(got), err)
			}
		}
	}
}

func opened(t *testing.T, dir string, data []byte) *os.File {
	t.Helper()
	f, err := os.CreateTemp(dir, "")
	if err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestPipeTrouble runs programs that fail, whose errors must be returned, and interrupts them.
func TestPipeTrouble(t *testing.T) {
	dir := t.TempDir()
	data := opened(t, dir, make([]byte, 1<<20))
	exit, tool, tooLarge := (*ExitError)(nil), (*ToolError)(nil), (*DoesNotFitError)(nil)
	feed := func(c Command, size uint64) error {
		_, _ = data.Seek(0, io.SeekStart)
		return new(Local).Change(t.Context(), PipeIn{Command: c, Format: &text{}, From: data, Target: "volume",
			Size: size})
	}
	if err := feed(Cmd("ls", "/nowhere"), 1<<20); !errors.As(err, &exit) ||
		!strings.Contains(exit.Stderr, "/nowhere") {
		t.Errorf("a program that fails: error %v", err)
	}
	if err := feed(Cmd("no-such-program"), 1<<20); !errors.As(err, &tool) {
		t.Errorf("a program that is not installed: error %v", err)
	}
	if err := feed(Cmd("cat"), 1<<20-1); !errors.As(err, &tooLarge) {
		t.Errorf("data that do not fit: error %v", err)
	}
	to := opened(t, dir, nil)
	drain := func(ctx context.Context, c Command) error {
		return new(Local).Change(ctx, PipeOut{Command: c, Format: &text{}, From: "volume", Size: 1 << 20, To: to})
	}
	if err := drain(t.Context(), Cmd("ls", "/nowhere")); !errors.As(err, &exit) ||
		!strings.Contains(exit.Stderr, "/nowhere") {
		t.Errorf("PipeOut of a program that fails: error %v", err)
	}
	if err := drain(t.Context(), Cmd("echo", "begin")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("PipeOut of a program that ends early: error %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	idle := func() error { return drain(ctx, Cmd("sleep", "1000")) }
	if err := soon(t, "drain", idle); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("interrupted: error %v", err)
	}
}
