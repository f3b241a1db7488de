package host

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestLockDevice locks a disk against other locks of the same kind, but not against mere use.
func TestLockDevice(t *testing.T) {
	dir := t.TempDir()
	disk := filepath.Join(dir, "disk")
	if err := os.WriteFile(disk, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	unlock, err := LockDevice(t.Context(), disk, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := TryLockDevice(disk, dir); !errors.Is(err, unix.EWOULDBLOCK) {
		t.Errorf("locked twice: error %v", err)
	}
	shared, err := lockAt(disk, 0, unix.LOCK_SH) // udev does this before its rules
	if err != nil {
		t.Errorf("udev would have to wait: %v", err)
	}
	// udev does this before it reads the partition table.
	if _, err := lockAt(disk, 0, unix.LOCK_EX); !errors.Is(err, unix.EWOULDBLOCK) {
		t.Errorf("udev would read the table: error %v", err)
	}
	shared.Close()
	soon, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := LockDevice(soon, disk, dir); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waited: error %v", err)
	}
	unlock()
	if unlock, err = LockDevice(t.Context(), disk, dir); err != nil {
		t.Fatal(err)
	}
	unlock()
	if _, err := LockDevice(t.Context(), disk+"x", dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no disk: error %v", err)
	}
}

// TestZeroEnds zeroes the ends of a file. The result must be that of the shell command on a device.
func TestZeroEnds(t *testing.T) {
	for _, size := range []int{100_000, 8192, 5000, 100, 0} {
		path := filepath.Join(t.TempDir(), "disk")
		data := bytes.Repeat([]byte{7}, size)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := new(Local).Change(t.Context(), ZeroEnds{Path: path, Length: 4096}); err != nil {
			t.Fatal(err)
		}
		length := min(4096, size)
		clear(data[:length])
		clear(data[size-length:])
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, data) {
			t.Errorf("of %d bytes, the wrong ones remain; error %v", size, err)
		}
	}
}

// TestStdin passes a command a line on standard input.
func TestStdin(t *testing.T) {
	c := Cmd("cat")
	c.Stdin = "Yes"
	if out, err := new(Local).Query(t.Context(), c); string(out) != "Yes\n" || err != nil {
		t.Errorf("the command read %q, error %v", out, err)
	}
}
