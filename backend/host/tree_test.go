package host

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// tree describes a directory and everything in it: all properties in which two trees may differ, except
// times.
func tree(t testing.TB, root string) string {
	var b strings.Builder
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		s := info.Sys().(*syscall.Stat_t)
		fmt.Fprintf(&b, "%q %v %d:%d", strings.TrimPrefix(path, root), info.Mode(), s.Uid, s.Gid)
		switch info.Mode().Type() {
		case 0:
			fmt.Fprintf(&b, " %d bytes, %d blocks: %q", s.Size, s.Blocks, head(path))
		case fs.ModeSymlink:
			target, _ := os.Readlink(path)
			fmt.Fprintf(&b, " to %q", strings.TrimPrefix(target, root))
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// head returns the start of a file without trailing zeros, or "" if it cannot be read.
func head(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	data, _ := io.ReadAll(io.LimitReader(f, 4096))
	return strings.TrimRight(string(data), "\x00")
}
