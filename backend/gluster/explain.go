package gluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/glusterd"
	"poolctl/backend/host"
)

// translateError says why a volume cannot be mounted.
func (b *Backend) translateError(ctx context.Context, s source, err error) error {
	exit := (*host.ExitError)(nil)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return s.silent()
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("only root can mount a Gluster volume: %w", err)
	case !errors.As(err, &exit) && !errors.Is(err, unix.ENOTCONN):
		return err
	}
	if trouble := b.trouble(ctx, s); trouble != nil {
		return trouble
	}
	text := err.Error()
	if exit != nil {
		text = complaint(exit.Stderr)
	}
	return &backend.StateError{Text: fmt.Sprintf("the Gluster volume %q cannot be mounted from %q: %s", s.volume, s.server, text)}
}

// logged is a line of the client's log that tells of an error: when, and where in the program, stand in brackets.
var logged = regexp.MustCompile(`(?m)^\[[^]]*\] E (?:\[[^]]*\] )*(.*)$`)

// complaint returns the first error in a log: those behind it follow from it.
func complaint(log string) string {
	if m := logged.FindStringSubmatch(log); m != nil {
		return m[1]
	}
	return "glusterfs does not say why"
}

// trouble asks the server what is wrong with a volume; nil if that is not known.
func (b *Backend) trouble(ctx context.Context, s source) error {
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	return glusterd.Trouble(limited, b.host, s.server, s.port, s.volume)
}

func (s source) silent() error {
	return &backend.TimeoutError{Text: fmt.Sprintf("the Gluster volume %q on %q does not answer", s.volume, s.server)}
}

// told says what an error means to those who know nothing of our files: also what is wrong with the volume, if that can be the reason.
func (v *view) told(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case v.Silent():
		return v.silent()
	case errors.Is(err, backend.ErrNoVolume):
		if part := v.part(ctx); part != nil {
			return part
		}
	case isLost(err):
		if trouble := v.b.trouble(ctx, v.source); trouble != nil && ctx.Err() == nil {
			return trouble
		}
	}
	return v.inWords(err)
}

// isLost tells whether an error, or what a program says, may be that servers are lost.
func isLost(err error) bool {
	exit := (*host.ExitError)(nil)
	for _, lost := range []error{unix.ENOTCONN, unix.EIO} {
		if errors.Is(err, lost) || errors.As(err, &exit) && strings.Contains(strings.ToLower(exit.Stderr), lost.Error()) {
			return true
		}
	}
	return false
}

// part returns an error if only a part of the volume is there: files may be missing then.
func (v *view) part(ctx context.Context) error {
	// The client shows its own state. A part that is kept by several bricks is there if enough of them are.
	says, _ := os.ReadFile(filepath.Join(v.Root, meta, "graphs/active", v.volume+"-dht/private"))
	if !offline(string(says)) {
		return nil
	}
	if trouble := v.b.trouble(ctx, v.source); trouble != nil {
		return trouble
	}
	return &backend.StateError{Text: fmt.Sprintf("a part of the Gluster volume %q is offline", v.volume)}
}

// offline tells whether a distributed volume says of one of its parts that it is not there.
func offline(says string) bool {
	for line := range strings.Lines(says) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), " = "); strings.HasPrefix(name, "subvolume_status[") && value == "0" {
			return true
		}
	}
	return false
}

// inWords is an error that names files by their URIs.
func (v *view) inWords(err error) error {
	inUse := (*host.InUseError)(nil)
	if errors.As(err, &inUse) {
		return &host.InUseError{Path: v.outside(inUse.Path), Reading: inUse.Reading}
	}
	if text := strings.ReplaceAll(err.Error(), v.Root, v.uri()); text != err.Error() {
		return &worded{err, text}
	}
	return err
}

type worded struct {
	error
	text string
}

// Error implements error.
func (w *worded) Error() string { return w.text }

// Unwrap returns what it is.
func (w *worded) Unwrap() error { return w.error }
