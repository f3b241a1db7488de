package host

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/shell"
	"poolctl/backend/host/sparse"
)

// CreateFile creates a file that does not exist yet. If an error occurs, it removes the file.
type CreateFile struct {
	Path     string
	Mode     fs.FileMode
	UID, GID int    // -1: the system's default
	Size     uint64 // bytes; at least the length of From
	Allocate uint64 // how many bytes, from the start, are allocated; at most Size
	Zeros    bool   // allocate by writing zeros
	NoCOW    bool   // btrfs: without copy-on-write
	From     *Source
	Progress Progress // of copying or writing
}

// Shell implements Step.
func (c CreateFile) Shell() string {
	path := shell.Quote(c.Path)
	steps := []string{"(set -C; umask 077; : >" + path + ")"}
	if c.NoCOW {
		steps = append(steps, "chattr +C "+path)
	}
	if c.From != nil {
		steps = append(steps, c.copyInShell(path))
	}
	size := strconv.FormatUint(c.Size, 10)
	if c.From != nil {
		size = shell.Quote(">" + size) // at least this size
	}
	steps = append(steps, "truncate -s "+size+" "+path)
	switch {
	case c.Allocate > 0 && c.Zeros && c.From == nil:
		steps = append(steps, fmt.Sprintf("head -c %d /dev/zero 1<>%s", c.Allocate, path))
	case c.Allocate > 0 && !c.Zeros:
		// -x writes zeros where fallocate cannot allocate.
		steps = append(steps, fmt.Sprintf("fallocate -x -l %d %s", c.Allocate, path))
	}
	if c.UID >= 0 || c.GID >= 0 {
		steps = append(steps, Chown{c.Path, c.UID, c.GID}.Shell())
	}
	return strings.Join(append(steps, Chmod{c.Path, c.Mode}.Shell()), " && ")
}

// copyInShell returns a command that copies the source, and writes zeros behind it if Zeros.
func (c CreateFile) copyInShell(path string) string {
	source := shell.Quote(c.From.Path)
	switch {
	case c.Zeros:
		return fmt.Sprintf("cp --reflink=never --sparse=never %[1]s %[2]s && "+
			"head -c %[3]d /dev/zero | tail -c +$(($(stat -c %%s %[2]s) + 1)) >>%[2]s", source, path, c.Allocate)
	case c.From.Reflink:
		return fmt.Sprintf("cp --reflink=always --sparse=auto %s %s", source, path)
	}
	return fmt.Sprintf("cp --reflink=auto --sparse=auto %s %s", source, path)
}

func (c CreateFile) apply(ctx context.Context, l *Local) error {
	at, err := l.entry(c.Path)
	if err != nil {
		return err
	}
	defer at.Close()
	f, err := safeopen.OpenAt(at.Dir, at.Name, c.Path, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW)
	if err != nil {
		return err
	}
	err = c.write(ctx, l, f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		_ = retry.Unlinkat(at.Dir, at.Name, 0)
	}
	return err
}

// write gives a new file its contents and attributes.
func (c CreateFile) write(ctx context.Context, l *Local, f *os.File) error {
	if c.NoCOW {
		if err := setNoCOW(f, true); err != nil {
			return err
		}
	}
	copied, err := c.copySource(ctx, l, f)
	if err != nil {
		return err
	}
	if err := f.Truncate(int64(max(c.Size, uint64(copied)))); err != nil {
		return err
	}
	room := int64(c.Allocate)
	if c.Zeros {
		err = sparse.WriteZeros(ctx, f, copied, room, c.Progress)
	} else {
		err = sparse.Allocate(ctx, f, 0, room)
	}
	if err != nil {
		return err
	}
	if c.UID >= 0 || c.GID >= 0 {
		if err := f.Chown(c.UID, c.GID); err != nil {
			return err
		}
	}
	if err := chmod(f, c.Mode); err != nil {
		return err
	}
	return f.Sync()
}
