package gluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/glusterd"
	"poolctl/backend/host"
	"poolctl/format/lazy"
)

// translateError converts the error of a failed mount into one that says why the Gluster volume cannot be
// mounted.
func (b *Backend) translateError(ctx context.Context, s source, err error) error {
	exit, failed := errors.AsType[*host.ExitError](err)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return s.timeoutError()
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("only root can mount a Gluster volume: %w", err)
	case !failed && !errors.Is(err, unix.ENOTCONN):
		return err
	}
	if trouble := b.diagnose(ctx, s); trouble != nil {
		return trouble
	}
	text := err.Error()
	if exit != nil {
		text = firstError(exit.Stderr)
	}
	return &backend.StateError{Text: fmt.Sprintf("the Gluster volume %q cannot be mounted from %q: %s",
		s.volume, s.server, text)}
}

// errorLine matches an error in the client's log. Time and place in the program are in brackets.
var errorLine = lazy.Regexp(`(?m)^\[[^]]*\] E (?:\[[^]]*\] )*(.*)$`)

// firstError returns the first error in a log. Later errors are consequences of the first.
func firstError(log string) string {
	if m := errorLine().FindStringSubmatch(log); m != nil {
		return m[1]
	}
	return "glusterfs gives no reason"
}

// diagnose asks the server what is wrong with a Gluster volume. It returns nil if that is unknown.
func (b *Backend) diagnose(ctx context.Context, s source) error {
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	return glusterd.Diagnose(limited, b.host, s.server, s.port, s.volume)
}

func (s source) timeoutError() error {
	return &backend.TimeoutError{Text: fmt.Sprintf("the Gluster volume %q on %q does not answer", s.volume,
		s.server)}
}

// translate converts an error of the local files into one for the user, with URIs instead of local paths. If
// the Gluster volume itself may be the cause, translate returns what is wrong with the Gluster volume.
func (v *view) translate(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case v.Silent():
		return v.timeoutError()
	case errors.Is(err, backend.ErrNoVolume):
		if part := v.checkComplete(ctx); part != nil {
			return part
		}
	case isLost(err):
		if trouble := v.b.diagnose(ctx, v.source); trouble != nil && ctx.Err() == nil {
			return trouble
		}
	}
	return v.withURIs(err)
}

// isLost reports whether an error, or a program's message, may mean that servers are lost.
func isLost(err error) bool {
	exit, failed := errors.AsType[*host.ExitError](err)
	for _, lost := range []error{unix.ENOTCONN, unix.EIO} {
		if errors.Is(err, lost) || failed &&
			strings.Contains(strings.ToLower(exit.Stderr), lost.Error()) {
			return true
		}
	}
	return false
}

// checkComplete returns an error if only part of the Gluster volume is online, because files may then be
// missing from listings.
func (v *view) checkComplete(ctx context.Context) error {
	// The client exposes its own state. A part that several bricks replicate is online if enough of them are.
	says, _ := v.ReadFile(path.Join(meta, "graphs/active", v.volume+"-dht/private"))
	if !isOffline(string(says)) {
		return nil
	}
	if trouble := v.b.diagnose(ctx, v.source); trouble != nil {
		return trouble
	}
	return &backend.StateError{Text: fmt.Sprintf("a part of the Gluster volume %q is offline", v.volume)}
}

// isOffline reports whether the state of a distributed volume shows that one of its parts is offline.
func isOffline(says string) bool {
	for line := range strings.Lines(says) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
		if strings.HasPrefix(name, "subvolume_status[") && value == "0" {
			return true
		}
	}
	return false
}

// withURIs returns an error whose text contains URIs instead of local paths.
func (v *view) withURIs(err error) error {
	if inUse, ok := errors.AsType[*host.InUseError](err); ok {
		return &host.InUseError{Path: v.externalPath(inUse.Path), Reading: inUse.Reading}
	}
	if text := strings.ReplaceAll(err.Error(), v.Root, v.uri()); text != err.Error() {
		return &uriError{err, text}
	}
	return err
}

type uriError struct {
	error
	text string
}

// Error implements error.
func (w *uriError) Error() string { return w.text }

// Unwrap returns the original error.
func (w *uriError) Unwrap() error { return w.error }
