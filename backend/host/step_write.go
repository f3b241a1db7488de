package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/shell"
)

// mkdirs creates a directory and its missing parents. Their mode is 0755 less the umask.
func mkdirs(dir string) error { return os.MkdirAll(dir, 0o755) }

// shellMkdirs returns the shell command for mkdirs. options are mkdir's, for the last directory.
func shellMkdirs(dir, options string) string {
	return "(umask go-w; mkdir -p " + options + shell.Quote(dir) + ") && "
}

// Symlink creates a symbolic link, and its missing parent directories.
type Symlink struct{ Target, Link string }

// Shell implements Step.
func (s Symlink) Shell() string {
	return shellMkdirs(filepath.Dir(s.Link), "") + "ln -sT " + shell.Quote(s.Target) + " " + shell.Quote(s.Link)
}

func (s Symlink) apply(context.Context, *Local) error {
	dir := filepath.Dir(s.Link)
	if err := mkdirs(dir); err != nil {
		return err
	}
	if err := os.Symlink(s.Target, s.Link); err != nil {
		return err
	}
	err := syncDir(dir)
	if err != nil {
		_ = os.Remove(s.Link)
	}
	return err
}

// WriteFile writes a file with mode 0600, and creates missing parent directories. It replaces an older file
// atomically. Data is text without NUL.
type WriteFile struct {
	Path string
	Data []byte
}

// Shell implements Step.
func (w WriteFile) Shell() string {
	return shellMkdirs(filepath.Dir(w.Path), "") + installFile(w.Path, w.Data, 0o600)
}

// installFile returns the command that writes a file into an existing directory.
func installFile(path string, data []byte, mode fs.FileMode) string {
	install := fmt.Sprintf("install -T -m %04o /dev/stdin %s", mode, shell.Quote(path))
	text, whole := strings.CutSuffix(string(data), "\n")
	// A here-document ends with a newline, and cannot contain unprintable characters.
	if !whole || !isText(text) {
		return "printf %s " + shell.Quote(string(data)) + " | " + install
	}
	end := "EOF"
	for strings.Contains("\n"+text+"\n", "\n"+end+"\n") {
		end += "_"
	}
	return fmt.Sprintf("%s <<'%s'\n%s\n%s", install, end, text, end)
}

// isText reports whether lines contain only printable characters, tabs and newlines.
func isText(lines string) bool {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' }
	return utf8.ValidString(lines) && !strings.ContainsFunc(lines, unprintable)
}

func (w WriteFile) apply(context.Context, *Local) error {
	if err := mkdirs(filepath.Dir(w.Path)); err != nil {
		return err
	}
	return replaceFile(w.Path, w.Data, 0o600)
}

// replaceFile writes a file, or replaces it atomically, in an existing directory.
func replaceFile(path string, data []byte, mode fs.FileMode) error {
	if err := moveInto(path, data, mode); err != nil {
		if where, ok := errors.AsType[*fs.PathError](err); ok { // name the file, not the temporary one
			return safeopen.PathError(where.Op, path, where.Err)
		}
		return err
	}
	return syncDir(filepath.Dir(path))
}

// moveInto writes a hidden file beside path, and renames it to path.
func moveInto(path string, data []byte, mode fs.FileMode) error {
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)),
		renameio.WithStaticPermissions(mode))
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }() // does nothing after the rename
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// Publish writes a file with mode 0644 in an existing directory. It replaces an older file atomically:
// readers see the old file or the new one. Until then, the new file is hidden. Data is text without NUL.
type Publish struct {
	Path string
	Data []byte
}

// Shell implements Step.
func (p Publish) Shell() string { return installFile(p.Path, p.Data, 0o644) }

func (p Publish) apply(context.Context, *Local) error { return replaceFile(p.Path, p.Data, 0o644) }

// WritePrivate is WriteFile in a directory for its owner alone: it creates the directory with mode 0700, and
// missing parents as WriteFile does. If Secret, Shell does not show the data.
type WritePrivate struct {
	Path   string
	Data   []byte
	Secret bool
}

// Shell implements Step. The command reads a secret from standard input.
func (w WritePrivate) Shell() string {
	mkdir := shellMkdirs(filepath.Dir(w.Path), "-m 0700 ")
	if w.Secret {
		const comment = " # reads a secret, which is not shown"
		return mkdir + "install -T -m 0600 /dev/stdin " + shell.Quote(w.Path) + comment
	}
	return mkdir + installFile(w.Path, w.Data, 0o600)
}

func (w WritePrivate) apply(ctx context.Context, l *Local) error {
	dir := filepath.Dir(w.Path)
	if err := mkdirs(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := (Mkdir{dir, 0o700}).apply(ctx, l); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return WriteFile{w.Path, w.Data}.apply(ctx, l)
}

// Append appends lines to an existing file. If Secret, Shell does not show the data.
type Append struct {
	Path   string
	Data   []byte
	Secret bool
}

// Shell implements Step. The command reads a secret from standard input.
func (a Append) Shell() string {
	if a.Secret {
		return "cat >>" + shell.Quote(a.Path) + " # reads a secret, which is not shown"
	}
	return "printf '%s\\n' " + shell.Quote(strings.TrimSuffix(string(a.Data), "\n")) + " >>" +
		shell.Quote(a.Path)
}

func (a Append) apply(context.Context, *Local) error {
	f, err := os.OpenFile(a.Path, os.O_WRONLY|os.O_APPEND|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(a.Data); err != nil {
		return err
	}
	return f.Sync()
}
