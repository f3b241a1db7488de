package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// into returns a program that writes an extent into a file.
func into(path string) func(offset, length uint64) Command {
	return func(offset, length uint64) Command {
		return Cmd("dd", "of="+path, "bs=1M", "oflag=seek_bytes", "iflag=fullblock,count_bytes", "conv=notrunc",
			fmt.Sprintf("seek=%d", offset), fmt.Sprintf("count=%d", length), "status=none")
	}
}

// TestPipeInEach passes a program extents from a file and from a pipe.
func TestPipeInEach(t *testing.T) {
	const size = 70 << 20
	data := make([]byte, size)
	copy(data[3<<20:], "data")
	copy(data[64<<20-2:], "more")
	copy(data[size-3:], "end")
	source := filepath.Join(t.TempDir(), "source")
	if err := os.WriteFile(source, append([]byte("before"), data...), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, isSparse := range []bool{false, true} {
		for _, pipe := range []bool{false, true} {
			target := filepath.Join(t.TempDir(), "target")
			from, err := os.Open(source)
			if err == nil {
				_, err = from.Seek(6, 0)
			}
			if err == nil {
				err = os.WriteFile(target, make([]byte, 100), 0o600)
			}
			if err == nil {
				err = os.Truncate(target, size+100)
			}
			if err != nil {
				t.Fatal(err)
			}
			if pipe {
				out, in, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				go func() {
					_, _ = in.Write(data)
					in.Close()
				}()
				from = out
			}
			var last uint64
			feed := PipeIn{Each: into(target), From: from, Target: "v", Size: size + 100, Offset: 100,
				Sparse:   isSparse,
				Progress: func(done, _ uint64) { last = done }}
			if err := new(Local).Change(t.Context(), feed); err != nil {
				t.Error(err)
			}
			got, err := os.ReadFile(target)
			if err != nil || !bytes.Equal(got[100:], data) || last != size {
				t.Errorf("sparse %v, from a pipe %v: wrong content, error %v; done %d", isSparse, pipe, err, last)
			}
			if room := stat(t, target).Blocks * 512; isSparse != (room < size/2) {
				t.Errorf("sparse %v, from a pipe %v: %d bytes are allocated", isSparse, pipe, room)
			}
			from.Close()
		}
	}
}

// TestPipeInEachFails passes data that do not fit, and runs a program that fails after the first extent.
func TestPipeInEachFails(t *testing.T) {
	source := filepath.Join(t.TempDir(), "source")
	if err := errors.Join(os.WriteFile(source, nil, 0o600), os.Truncate(source, 65<<20)); err != nil {
		t.Fatal(err)
	}
	try := func(size uint64, each func(offset, length uint64) Command) error {
		from, err := os.Open(source)
		if err != nil {
			t.Fatal(err)
		}
		defer from.Close()
		return new(Local).Change(t.Context(), PipeIn{Each: each, From: from, Name: "source", Target: "v",
			Size: size})
	}
	never := func(uint64, uint64) Command { return Cmd("false") }
	many, exit, part := (*DoesNotFitError)(nil), (*ExitError)(nil), (*IncompleteError)(nil)
	if err := try(1<<20, never); !errors.As(err, &many) {
		t.Error(err)
	}
	if err := try(1<<30, never); !errors.As(err, &exit) || errors.As(err, &part) {
		t.Error(err)
	}
	err := try(1<<30, func(offset, _ uint64) Command {
		if offset > 0 {
			return Cmd("false")
		}
		return Cmd("true")
	})
	if !errors.As(err, &part) || part.Done != 64<<20 {
		t.Error(err)
	}
	feed := PipeIn{Each: into("/t"), Size: 100, Offset: 10, Length: 200}
	feed.From, err = os.Open(source)
	if err != nil {
		t.Fatal(err)
	}
	defer feed.From.Close()
	if got := feed.Shell(); got != "head -c 200 | "+into("/t")(10, 200).Shell() {
		t.Error(got)
	}
}

// TestFailOnStderrAndChecked runs commands whose exit status does not show that they failed.
func TestFailOnStderrAndChecked(t *testing.T) {
	loud := Cmd("sh", "-c", "echo out; echo no >&2")
	if out, err := new(Local).Query(t.Context(), loud); string(out) != "out\n" || err != nil {
		t.Errorf("%q, error %v", out, err)
	}
	loud.FailOnStderr = true
	exit := (*ExitError)(nil)
	if _, err := new(Local).Query(t.Context(), loud); !errors.As(err, &exit) || exit.Status != 0 ||
		exit.Stderr != "no" {
		t.Error(err)
	}
	asked := 0
	checked := Checked{Command: Cmd("true"),
		Check: func(context.Context) error { asked++; return errors.New("it is not done") }}
	if err := new(Local).Change(t.Context(), checked); err == nil || err.Error() != "it is not done" {
		t.Error(err)
	}
	checked.Command = Cmd("false")
	if err := new(Local).Change(t.Context(), checked); !errors.As(err, &exit) || asked != 1 {
		t.Errorf("error %v, checked %d times", err, asked)
	}
	var plan strings.Builder
	if err := NewDryRun(new(Local), &plan).Change(t.Context(), checked); err != nil ||
		plan.String() != "false\n" {
		t.Errorf("%q, error %v", plan.String(), err)
	}
}
