package backendtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
)

// A recorder is a host that records the answers of another host or, if it has no machine, replays recorded
// answers. The nth time that a question is asked, the replay returns the nth recorded answer.
type recorder struct {
	machine  host.Host // nil: replay, nothing is executed
	local    host.Local
	saves    bool // save the answers
	clean    func(string) string
	answers  map[string][]recording
	replayed map[string]int
}

// A recording is an answer, and how many times it was given in a row.
type recording struct {
	Times  int             `json:",omitempty"` // 0: once
	Answer json.RawMessage `json:",omitempty"`
	Text   []string        `json:",omitempty"` // the lines of a program's output
	Bytes  []byte          `json:",omitempty"` // a program's output that is not valid UTF-8
	Failed *recordedError  `json:",omitempty"`
}

type recordedError struct {
	Text   string
	Errno  syscall.Errno `json:",omitempty"`
	Status int           `json:",omitempty"` // the exit status of a program that failed
	Stderr string        `json:",omitempty"`
}

func (t *recorder) load(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	t.answers, t.replayed = map[string][]recording{}, map[string]int{}
	return json.Unmarshal(data, &t.answers)
}

func (t *recorder) write(tb testing.TB, file string) {
	tb.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(t.answers)
	if err == nil {
		err = os.WriteFile(file, b.Bytes(), 0o644) //nolint:forbidigo // the test's own
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// ask answers a question by running live on the machine, or from the recordings.
func ask[T any](t *recorder, question string, live func(h host.Host) (T, error)) (T, error) {
	question = t.clean(question)
	if t.machine == nil {
		return replay[T](t, question)
	}
	answer, err := live(t.machine)
	if t.saves {
		t.save(question, answer, err)
	}
	return answer, err
}

func (t *recorder) save(question string, answer any, err error) {
	a := recording{Failed: newRecordedError(err)}
	if out, ok := answer.([]byte); ok && !utf8.Valid(out) {
		a.Bytes = out
	} else if ok {
		if a.Text = strings.SplitAfter(t.clean(string(out)), "\n"); len(out) == 0 {
			a.Text = nil
		}
	} else {
		data, _ := json.Marshal(answer)
		a.Answer = json.RawMessage(t.clean(string(data)))
	}
	if a.Failed != nil {
		a.Failed.Text, a.Failed.Stderr = t.clean(a.Failed.Text), t.clean(a.Failed.Stderr)
	}
	if t.answers == nil {
		t.answers = map[string][]recording{}
	}
	all := t.answers[question]
	if last := len(all) - 1; last >= 0 && all[last].equal(a) {
		all[last].Times = max(all[last].Times, 1) + 1
		return
	}
	t.answers[question] = append(all, a)
}

func (a recording) equal(o recording) bool {
	a.Times, o.Times = 0, 0
	one, _ := json.Marshal(a)
	other, _ := json.Marshal(o)
	return bytes.Equal(one, other)
}

// replay returns the next recorded answer to a question.
func replay[T any](t *recorder, question string) (answer T, err error) {
	n := t.replayed[question]
	t.replayed[question]++
	for _, a := range t.answers[question] {
		if n -= max(a.Times, 1); n >= 0 {
			continue
		}
		if out, ok := any(&answer).(*[]byte); ok {
			*out = append([]byte(strings.Join(a.Text, "")), a.Bytes...)
		} else if err := json.Unmarshal(a.Answer, &answer); err != nil {
			return answer, err
		}
		return answer, a.Failed.restore()
	}
	return answer, fmt.Errorf("there is no recording of answer %d to %q", t.replayed[question], question)
}

// newRecordedError keeps the parts of an error that code distinguishes: errno, exit status, standard error.
func newRecordedError(err error) *recordedError {
	if err == nil {
		return nil
	}
	e := &recordedError{Text: err.Error()}
	if exit, ok := errors.AsType[*host.ExitError](err); ok {
		e.Status, e.Stderr = exit.Status, exit.Stderr
	}
	_ = errors.As(err, &e.Errno)
	return e
}

func (e *recordedError) restore() error {
	switch {
	case e == nil:
		return nil
	case e.Status != 0:
		name, _, _ := strings.Cut(e.Text, " ")
		return &host.ExitError{Command: host.Cmd(name), Status: e.Status, Stderr: e.Stderr}
	}
	return e
}

func (e *recordedError) Error() string { return e.Text }

func (e *recordedError) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

func (t *recorder) Query(ctx context.Context, c host.Command) ([]byte, error) {
	return ask(t, "? "+c.Shell(), func(h host.Host) ([]byte, error) { return h.Query(ctx, c) })
}

func (t *recorder) Change(ctx context.Context, s host.Step) error {
	_, err := ask(t, "+ "+s.Shell(), func(h host.Host) (struct{}, error) {
		return struct{}{}, h.Change(ctx, s)
	})
	return err
}

func (t *recorder) Stat(path string) (fs.FileInfo, error) {
	f, err := ask(t, "stat "+path, func(h host.Host) (recordedFile, error) {
		info, err := h.Stat(path)
		if err != nil {
			return recordedFile{}, err
		}
		s := info.Sys().(*syscall.Stat_t)
		return recordedFile{Path: path, How: info.Mode(), Kernel: s.Mode, Owner: s.Uid, Group: s.Gid}, nil
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Glob implements host.Files.
func (t *recorder) Glob(pattern string) ([]string, error) {
	return ask(t, "glob "+pattern, func(h host.Host) ([]string, error) { return h.Glob(pattern) })
}

// Invalidate does nothing in a replay, because the recorder caches nothing itself.
func (t *recorder) Invalidate() {
	if t.machine != nil {
		t.machine.Invalidate()
	}
}

// OpenDir is not replayed: a directory handle must be real.
func (t *recorder) OpenDir(path string, inside bool) (*host.Dir, error) {
	if t.machine == nil {
		return t.local.OpenDir(path, inside)
	}
	return t.machine.OpenDir(path, inside)
}

// CheckGuarded is not replayed: nothing is mounted.
func (t *recorder) CheckGuarded(path string) error {
	if t.machine == nil {
		return nil
	}
	return t.machine.CheckGuarded(path)
}

// OpenPath is not replayed: a handle must be real.
func (t *recorder) OpenPath(path string) (*safeopen.Handle, error) {
	if t.machine == nil {
		return t.local.OpenPath(path)
	}
	return t.machine.OpenPath(path)
}

func (t *recorder) Space(path string) (host.Space, error) {
	return ask(t, "space "+path, func(h host.Host) (host.Space, error) { return h.Space(path) })
}

func (t *recorder) Mounted(path string) (bool, error) {
	return ask(t, "mounted "+path, func(h host.Host) (bool, error) { return h.Mounted(path) })
}

func (t *recorder) Mounts() ([]host.Mount, error) { return ask(t, "mounts", host.Host.Mounts) }

func (t *recorder) MountAt(path string) (*host.Mount, error) {
	return ask(t, "mount at "+path, func(h host.Host) (*host.Mount, error) { return h.MountAt(path) })
}

func (t *recorder) Addresses(ctx context.Context, name string, limit time.Duration) ([]netip.Addr, error) {
	return ask(t, "addresses "+name, func(h host.Host) ([]netip.Addr, error) {
		return h.Addresses(ctx, name, limit)
	})
}

// MountPrivate is not replayed: there is no server for the files.
func (t *recorder) MountPrivate(ctx context.Context, c host.Client) (*host.PrivateMount, error) {
	if t.machine == nil {
		return nil, fmt.Errorf("files of %s cannot be replayed", c.Name)
	}
	return t.machine.MountPrivate(ctx, c)
}

func (t *recorder) MountUsers(m *host.Mount) ([]string, error) {
	return ask(t, "mount users "+m.Target, func(h host.Host) ([]string, error) { return h.MountUsers(m) })
}

func (t *recorder) DeviceUsers(path string) ([]string, error) {
	return ask(t, "device users "+path, func(h host.Host) ([]string, error) { return h.DeviceUsers(path) })
}

func (t *recorder) OpenBy(devices ...string) []string {
	all, _ := ask(t, "openers "+strings.Join(devices, " "), func(h host.Host) ([]string, error) {
		return h.OpenBy(devices...), nil
	})
	return all
}

func (t *recorder) FileUsers() (*host.FileUsers, error) { return t.local.FileUsers() }

func (t *recorder) Blank(device string) (bool, error) {
	return ask(t, "blank "+device, func(h host.Host) (bool, error) { return h.Blank(device) })
}

func (t *recorder) OnBtrfs(path string) (bool, error) {
	return ask(t, "on btrfs "+path, func(h host.Host) (bool, error) { return h.OnBtrfs(path) })
}

func (t *recorder) Canonical(path string) string {
	resolved, _ := ask(t, "canonical "+path, func(h host.Host) (string, error) {
		return h.Canonical(path), nil
	})
	return resolved
}

func (t *recorder) FCHost(wwnn, wwpn string) (number, parent int, ok bool) {
	type port struct {
		Number, Parent int
		OK             bool
	}
	p, _ := ask(t, "fc host "+wwnn+" "+wwpn, func(h host.Host) (p port, err error) {
		p.Number, p.Parent, p.OK = h.FCHost(wwnn, wwpn)
		return p, nil
	})
	return p.Number, p.Parent, p.OK
}

// A recordedFile is the recorded metadata of a file.
type recordedFile struct {
	Path         string
	How          fs.FileMode
	Kernel       uint32 // the mode as in stat(2)
	Owner, Group uint32
}

func (f recordedFile) Name() string       { return f.Path[strings.LastIndexByte(f.Path, '/')+1:] }
func (f recordedFile) Size() int64        { return 0 }
func (f recordedFile) Mode() fs.FileMode  { return f.How }
func (f recordedFile) ModTime() time.Time { return time.Time{} }
func (f recordedFile) IsDir() bool        { return f.How.IsDir() }
func (f recordedFile) Sys() any {
	return &syscall.Stat_t{Mode: f.Kernel, Uid: f.Owner,
		Gid: f.Group}
}
