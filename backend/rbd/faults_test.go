package rbd

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
	"poolctl/pooldef"
)

// brief is the timeout for a cluster that does not answer.
const brief = 3 * time.Second

// fails checks that the pool is not active, and that the error contains a text. It returns the error.
func fails(t *testing.T, b *Backend, p *pooldef.Pool, text string) error {
	t.Helper()
	active, err := b.Active(t.Context(), p)
	if active || err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("active %v, error %v; want %q", active, err, text)
	}
	if strings.Contains(fmt.Sprint(err), "\n2") {
		t.Errorf("the error shows a log: %v", err)
	}
	return err
}

// listener accepts connections and calls do with each.
func listener(t *testing.T, do func(net.Conn)) pooldef.Host {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go do(c)
		}
	}()
	return pooldef.Host{Name: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}
}

// TestMonitors reaches the cluster at every address of its monitor, and despite monitors that do not answer.
func TestMonitors(t *testing.T) {
	p := newPool(t)
	b := New(&host.Local{}, keys{}, time.Hour) // so long that a wait for a silent monitor would be noticed
	good := p.Source.Hosts[0]
	silent := listener(t, func(net.Conn) {})
	other := listener(t, func(c net.Conn) { fmt.Fprint(c, "SSH-2.0-OpenSSH_9.2\r\n"); c.Close() })
	closed := listener(t, func(c net.Conn) { c.Close() })
	none := pooldef.Host{Name: "127.0.0.1", Port: 1}
	for _, hosts := range [][]pooldef.Host{
		{good}, {{Name: "127.0.0.1", Port: port(t, "port2")}}, {{Name: "localhost", Port: good.Port}},
		{{Name: "v1:127.0.0.1", Port: good.Port}},
		{none, good}, {good, silent}, {silent, good},
		{{Name: "nosuch.invalid"}, good, other, {Name: "192.0.2.1", Port: 9}},
	} {
		p.Source.Hosts = hosts
		if active, err := b.Active(t.Context(), p); !active || err != nil {
			t.Errorf("%v: active %v, error %v", hosts, active, err)
		}
	}
	b = New(&host.Local{}, keys{}, brief)
	for text, h := range map[string]pooldef.Host{
		"connection refused": none, "does not answer": silent, "is not a Ceph monitor": other,
		"monitor nosuch.invalid:":                             {Name: "nosuch.invalid"},
		fmt.Sprintf(":%d is not a Ceph monitor", closed.Port): closed, "127.0.0.1:3300": {Name: "127.0.0.1"},
	} {
		p.Source.Hosts = []pooldef.Host{h}
		if err := fails(t, b, p, text); h == silent && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v is not a timeout", err)
		}
	}
}

// TestIPv6 uses a cluster that has only IPv6.
func TestIPv6(t *testing.T) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("ceph6-%d", os.Getpid()))
	p := newPool(t)
	if _, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skip("NOT RUN: IPv6: not available on this machine")
	}
	ok(t, serve(dir, append(os.Environ(), "CEPH_ADDRESS=::1")))
	t.Cleanup(func() { _ = exec.Command("testdata/ceph-server", "stop", dir).Run() })
	n, err := os.ReadFile(dir + "/port")
	ok(t, err)
	key, err := os.ReadFile(dir + "/libvirt.key")
	ok(t, err)
	p.Source.Hosts[0].Port, err = strconv.Atoi(strings.TrimSpace(string(n)))
	ok(t, err)
	p.Source.Name = "rbdpool"
	b := New(&host.Local{}, otherKey{text: string(key)}, limit)
	for _, name := range []string{"::1", "[::1]"} {
		p.Source.Hosts[0].Name = name
		if active, err := b.Active(t.Context(), p); !active || err != nil {
			t.Errorf("%s: active %v, error %v", name, active, err)
		}
	}
}

// otherKey returns a fixed secret value.
type otherKey struct {
	keys
	text string // base64
}

func (k otherKey) SecretValue(pooldef.SecretRef, string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.TrimSpace(k.text))
}

// TestRefused tries wrong keys, users and names.
func TestRefused(t *testing.T) {
	p := newPool(t)
	b := New(&host.Local{}, keys{}, limit)
	stranger := New(&host.Local{}, otherKey{text: "AQBAbgBkmHjhCxAAZRVqwIAVPlnQZQYJSbqQ8A=="}, limit)
	for _, test := range []struct {
		b      *Backend
		text   string
		change func(*pooldef.Pool)
	}{
		{stranger, "refuses the login as client.libvirt", func(*pooldef.Pool) {}},
		{stranger, "refuses the login as client.libvirt",
			func(p *pooldef.Pool) { p.Source.Hosts[0].Port = port(t, "port2") }},
		{b, "refuses the login as client.nobody", func(p *pooldef.Pool) { p.Source.Auth.Username = "nobody" }},
		{New(&host.Local{}, otherKey{text: "c29tZXRoaW5n"}, limit), "is not a Ceph key", func(*pooldef.Pool) {}},
		{New(&host.Local{}, otherKey{text: base64.StdEncoding.EncodeToString([]byte(read(t, "libvirt.key")))},
			limit), "but the base64 text of one", func(*pooldef.Pool) {}},
		{b, "Secret not found",
			func(p *pooldef.Pool) { p.Source.Auth.Secret.UUID = "b1a0c0df-1111-4222-8333-444455556666" }},
		{b, "a login to Ceph has type ceph", func(p *pooldef.Pool) { p.Source.Auth.Type = "chap" }},
		{b, `no Ceph pool "nopool"`, func(p *pooldef.Pool) { p.Source.Name = "nopool" }},
		{b, `no namespace "nospace"`, func(p *pooldef.Pool) { p.Source.Name = "rbdpool/nospace" }},
		{b, "is not the name of a Ceph pool", func(p *pooldef.Pool) { p.Source.Name = "rbdpool/a/b" }},
		{b, "is not a Ceph option",
			func(p *pooldef.Pool) { p.Config = []pooldef.Option{{Name: "key", Value: "AQ=="}} }},
		{b, "unrecognised option '--no_such=1'",
			func(p *pooldef.Pool) { p.Config = []pooldef.Option{{Name: "no_such", Value: "1"}} }},
	} {
		changed := *p
		auth := *p.Source.Auth
		changed.Source.Auth, changed.Source.Hosts = &auth, []pooldef.Host{p.Source.Hosts[0]}
		test.change(&changed)
		fails(t, test.b, &changed, test.text)
		if _, err := test.b.Space(t.Context(), &changed); err == nil && !strings.Contains(test.text, "namespace") {
			t.Errorf("%s: Space succeeded", test.text)
		}
	}
	p.Config = []pooldef.Option{{Name: "rbd_cache", Value: "true"}, {Name: "client mount timeout", Value: "45"}}
	if active, err := b.Active(t.Context(), p); !active || err != nil {
		t.Errorf("with options: active %v, error %v", active, err)
	}
}

// TestWritesNothing inspects a pool whose definition makes Ceph's programs write files. No file may be
// created or replaced.
func TestWritesNothing(t *testing.T) {
	_, p, _ := newPoolWithImage(t, "v")
	dir := t.TempDir()
	ok(t, os.WriteFile(dir+"/socket", []byte("a file"), 0o600))
	p.Config = []pooldef.Option{
		{Name: "log_file", Value: dir + "/log"}, {Name: "log_to_file", Value: "true"},
		{Name: "debug_ms", Value: "1"}, {Name: "admin socket", Value: dir + "/socket"},
	}
	b := New(host.ReadOnly{Host: &host.Local{}}, keys{}, limit)
	if active, err := b.Active(t.Context(), p); !active || err != nil {
		t.Errorf("active %v, error %v", active, err)
	}
	if _, err := b.Space(t.Context(), p); err != nil {
		t.Error(err)
	}
	if _, err := b.Volume(t.Context(), p, "v"); err != nil {
		t.Error(err)
	}
	for _, err := range b.Details(t.Context(), p) {
		if err != nil {
			t.Error(err)
		}
	}
	left, err := os.ReadDir(dir)
	ok(t, err)
	if text, err := os.ReadFile(dir + "/socket"); len(left) != 1 || string(text) != "a file" {
		t.Errorf("directory %v, file %q (%v)", left, text, err)
	}
}

// TestOwnConfiguration uses this machine's Ceph configuration, because the definition has no login.
func TestOwnConfiguration(t *testing.T) {
	p := newPool(t)
	b := New(&host.Local{}, keys{}, limit)
	p.Source.Auth = nil
	fails(t, b, p, "no key for the Ceph cluster")
	dir := backendtest.Mount(t, "-t", "tmpfs", "tmpfs")
	for _, file := range []string{"ceph.conf", "keyring"} {
		ok(t, os.WriteFile(filepath.Join(dir, file), []byte(read(t, file)+"\n"), 0o600))
	}
	backendtest.Change(t, host.Cmd("mount", "--bind", dir, "/etc/ceph"))
	t.Cleanup(func() { backendtest.Change(t, host.Cmd("umount", "/etc/ceph")) })
	ok(t, b.Create(t.Context(), p, volume("v", mib), backend.CreateOptions{}))
	image := file(t, backendtest.Convert(t, "raw", "qcow2", make([]byte, mib)))
	source := &pooldef.Volume{
		Type:     "file",
		Name:     "image",
		Capacity: pooldef.Bytes(mib),
		Target:   pooldef.VolumeTarget{Path: image.Name(), Format: "qcow2"},
	}
	ok(t, b.Clone(t.Context(), p, volume("w", mib), source, backend.CloneOptions{}))

	data := fill(t, b, p, "v", 1)
	backing := "rbd:" + p.Source.Name + "/v"
	overlay := func(backing string) *pooldef.Volume {
		v := *source
		v.Target.Path = filepath.Join(t.TempDir(), "overlay")
		backendtest.Change(
			t,
			host.Cmd("qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b", backing, "-F", "raw", v.Target.Path, "1M"),
		)
		return &v
	}
	known := func(path string, file *safeopen.Handle) error {
		if path != backing || file != nil {
			return fmt.Errorf("%q is not asked for", path)
		}
		return nil
	}
	ok(t, b.Clone(t.Context(), p, volume("x", mib), overlay(backing), backend.CloneOptions{MayRead: known}))
	holds(t, b, p, "x", data)
	for _, evil := range []string{backing + ":id=admin", backing + "@monday", "rbd:" + p.Source.Name + "/w"} {
		if err := b.Clone(
			t.Context(), p, volume("y", mib), overlay(evil), backend.CloneOptions{MayRead: known},
		); err == nil {
			t.Errorf("cloned an image based on %s", evil)
		}
	}
	ok(t, b.Delete(t.Context(), p, "v"))
}

// stop pauses a daemon until the test ends, and returns a function that resumes it.
func stop(t *testing.T, daemon string) (resume func()) {
	t.Helper()
	pid, err := strconv.Atoi(read(t, "run/"+daemon+".pid"))
	ok(t, err)
	return backendtest.Pause(t, pid)
}

// TestSilent pauses daemons. Every operation ends at the timeout, says why, and works again when the daemon
// resumes. The timeout leaves enough time for the other daemons to answer.
func TestSilent(t *testing.T) {
	b, p, data := newPoolWithImage(t, "v")
	for daemon, text := range map[string]string{
		"mon.a": "the monitor 127.0.0.1:", "osd.0": "the OSDs of the Ceph cluster do not answer",
	} {
		hasty := New(
			&host.Local{}, keys{}, map[string]time.Duration{"mon.a": brief, "osd.0": 10 * time.Second}[daemon],
		)
		resume := stop(t, daemon)
		if err := fails(t, hasty, p, text); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v is not a timeout", daemon, err)
		}
		for what, do := range map[string]func() error{
			"create": func() error { return hasty.Create(t.Context(), p, volume("w", mib), backend.CreateOptions{}) },
			"upload": func() error { return hasty.Upload(t.Context(), p, "v", file(t, data), backend.Transfer{}) },
			"delete": func() error { return hasty.Delete(t.Context(), p, "v") },
		} {
			if err := do(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s with %s stopped: error %v", what, daemon, err)
			}
		}
		resume()
		backendtest.Eventually(
			t, "the pool is active again",
			func() bool { active, err := b.Active(t.Context(), p); return active && err == nil },
		)
	}
	holds(t, b, p, "v", data)
	if all := rows(t, b, p); strings.Join(all, " ") != "v" {
		t.Errorf("got %q", all)
	}
}

// TestFull fills an OSD. Writes report that it is full. Deletion works, but not in a namespace, where Ceph 16
// must write first.
func TestFull(t *testing.T) {
	p := newPool(t)
	p.Source.Name = "rbdpool"
	b := New(&host.Local{}, keys{}, limit)
	ok(t, b.Create(t.Context(), p, volume("v", mib), backend.CreateOptions{}))
	data := fill(t, b, p, "v", 1)
	ok(t, b.Create(t.Context(), p, volume("x", mib), backend.CreateOptions{}))
	// in a pool without earlier deletions, Ceph 16 cannot start one when full
	ok(t, b.Delete(t.Context(), p, "x"))
	ok(t, b.Create(t.Context(), p, volume("x", mib), backend.CreateOptions{Preallocation: "full"}))
	ratios := func(near, backfill, full string) {
		for verb, ratio := range map[string]string{
			"set-nearfull-ratio": near, "set-backfillfull-ratio": backfill, "set-full-ratio": full,
		} {
			ceph(t, "ceph", "osd", verb, ratio)
		}
	}
	ratios("0.00001", "0.00002", "0.00003")
	undo := sync.OnceFunc(func() { ratios("0.85", "0.9", "0.95") })
	t.Cleanup(undo)
	backendtest.Eventually(
		t, "the OSD is full", func() bool { return strings.Contains(ceph(t, "ceph", "health"), "1 full osd") },
	)
	state := (*backend.StateError)(nil)
	hasty := New(&host.Local{}, keys{}, brief) // writes wait
	for what, do := range map[string]func() error{
		"create": func() error { return hasty.Create(t.Context(), p, volume("w", mib), backend.CreateOptions{}) },
		"upload": func() error { return hasty.Upload(t.Context(), p, "v", file(t, data), backend.Transfer{}) },
	} {
		if err := do(); !errors.As(err, &state) || !strings.Contains(state.Text, "is full") {
			t.Errorf("%s: error %v", what, err)
		}
	}
	holds(t, b, p, "v", data)
	// a part of the deletion waits, too
	ok(t, New(&host.Local{}, keys{}, 20*time.Second).Delete(t.Context(), p, "x"))
	undo()
	backendtest.Eventually(
		t, "there is room again", func() bool { _, err := b.RemoveStale(t.Context(), p); return err == nil },
	)
	ok(t, b.Delete(t.Context(), p, "v"))
	if all := rows(t, b, p); len(all) != 0 {
		t.Errorf("got %q", all)
	}
}

// TestInUse checks that an open image cannot be changed, and can be read only with InUse.
func TestInUse(t *testing.T) {
	b, p, data := newPoolWithImage(t, "v")
	watch := exec.Command("rbd", "watch", p.Source.Name+"/v")
	watch.Env = append(os.Environ(), "CEPH_CONF="+os.Getenv(clusterVariable)+"/ceph.conf")
	out, err := watch.StdoutPipe()
	ok(t, err)
	in, err := watch.StdinPipe()
	ok(t, err)
	ok(t, watch.Start())
	line, _ := bufio.NewReader(out).ReadString('\n')
	t.Log(line)
	busy := (*backend.BusyError)(nil)
	for what, do := range map[string]func() error{
		"delete": func() error { return b.Delete(t.Context(), p, "v") },
		"upload": func() error { return b.Upload(t.Context(), p, "v", file(t, data), backend.Transfer{}) },
		"wipe":   func() error { return b.Wipe(t.Context(), p, "v", "zero", nil) },
		"shrink": func() error { return b.Resize(t.Context(), p, "v", 1, backend.ResizeOptions{Shrink: true}) },
	} {
		if err := do(); !errors.As(err, &busy) || !strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: error %v", what, err)
		}
	}
	to := file(t, nil)
	if err := b.Download(t.Context(), p, "v", to, backend.Transfer{}); !errors.As(err, new(*host.InUseError)) {
		t.Errorf("download: error %v", err)
	}
	ok(t, b.Download(t.Context(), p, "v", to, backend.Transfer{InUse: true}))
	ok(t, clone(t, b, p, "v", "clone", mib))
	fmt.Fprintln(in)
	_ = watch.Wait()
}

// TestInterrupted cancels transfers. The image must not stay in use.
func TestInterrupted(t *testing.T) {
	b, p, _ := newPoolWithImage(t, "v")
	for what, do := range map[string]func(ctx context.Context, r, w *os.File) error{
		"upload": func(ctx context.Context, r,
			_ *os.File) error {
			return b.Upload(ctx, p, "v", r, backend.Transfer{})
		},
		"download": func(ctx context.Context, _,
			w *os.File) error {
			return b.Download(ctx, p, "v", w, backend.Transfer{})
		},
	} {
		r, w, err := os.Pipe()
		ok(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- do(ctx, r, w) }()
		if what == "upload" { // an upload has begun when the pipe cannot hold all of the data
			_, err = w.Write(make([]byte, 512<<10))
		} else {
			_, err = r.Read(make([]byte, 1))
		}
		ok(t, err)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", what, err)
		}
		r.Close()
		w.Close()
		ok(
			t,
			b.checkNotInUse(
				t.Context(), p, place{"rbdpool", strings.TrimPrefix(p.Source.Name, "rbdpool/")}, "v", false, false,
			),
		)
	}
	part := file(t, nil)
	ok(t, b.Download(t.Context(), p, "v", part, backend.Transfer{Offset: 10, Length: 10}))
	ok(t, b.Delete(t.Context(), p, "v"))
}

// TestRenameRace renames several images to one name in parallel. Exactly one rename succeeds.
func TestRenameRace(t *testing.T) {
	b, p, _ := newPoolWithImage(t, "v0")
	for n := 1; n < 4; n++ {
		ok(t, b.Create(t.Context(), p, volume(fmt.Sprint("v", n), mib), backend.CreateOptions{}))
	}
	var all sync.WaitGroup
	results := make([]error, 4)
	for n := range results {
		all.Go(func() { results[n] = b.Rename(t.Context(), p, fmt.Sprint("v", n), "one") })
	}
	all.Wait()
	won := 0
	for _, err := range results {
		if err == nil {
			won++
		} else if !errors.Is(err, os.ErrExist) {
			t.Errorf("error %v", err)
		}
	}
	if names := rows(t, b, p); won != 1 || len(names) != 4 {
		t.Errorf("%d renames succeeded; got %q", won, names)
	}
}

// TestDiff parses invalid diffs.
func TestDiff(t *testing.T) {
	for text, want := range map[string]string{
		"":              "unexpected EOF",
		"rbd diff v2\n": "unexpected format",
		"rbd":           "unexpected EOF",
		"x":             "unexpected format",
		"w1234":         "unexpected EOF",
		"e":             "EOF",
	} {
		if _, _, _, err := (diff{}).Next(strings.NewReader(text)); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
}
