package filevol

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

var passphrases = backendtest.Secrets{"one": "first passphrase, with a comma", "two": "a second passphrase",
	"of source": "one", "of source2": "wrong", "wrong": "not what opens it"}

// secretForms returns the forms in which no passphrase may appear anywhere.
func secretForms() []string {
	var forms []string
	for _, uuid := range []string{"one", "two", "wrong"} {
		forms = append(forms, passphrases[uuid], base64.StdEncoding.EncodeToString([]byte(passphrases[uuid])))
	}
	return forms
}

// decrypt returns a guest's view of an image, which it opens with a passphrase and plain qemu-img.
func decrypt(t *testing.T, path, format, uuid string) ([]byte, error) {
	t.Helper()
	dir := t.TempDir()
	write(t, poolIn(dir), "key", passphrases[uuid])
	options := "driver=luks,key-secret=key,file.filename=" + path
	if format == "qcow2" {
		options = "driver=qcow2,encrypt.key-secret=key,file.filename=" + path
	}
	out, err := exec.Command("qemu-img", "convert", "--object", "secret,id=key,file="+dir+"/key",
		"--image-opts", options, "-O", "raw", dir+"/out").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	return os.ReadFile(dir + "/out")
}

// checkPassphrase fails the test unless the passphrase opens the image and the image has the data.
func checkPassphrase(t *testing.T, v *pooldef.Volume, uuid string, data []byte) {
	t.Helper()
	e := v.Target.Encryption
	if e == nil || e.Format != "luks" || v.Capacity.Bytes < uint64(len(data)) {
		t.Errorf("%q: got %+v, encryption %+v", v.Name, *v, e)
	}
	got, err := decrypt(t, v.Target.Path, v.Target.Format, uuid)
	if err != nil || len(got) != int(v.Capacity.Bytes) || !bytes.HasPrefix(got, data) {
		t.Errorf("%q, opened with passphrase %s: got %d bytes, error %v", v.Name, uuid, len(got), err)
	}
}

// TestLUKS creates, clones and resizes encrypted volumes while a goroutine searches the machine for
// passphrases.
func TestLUKS(t *testing.T) {
	backendtest.Long(t, "volumes encrypted by LUKS")
	backendtest.QuickKeys(t)
	var trace lockedBuffer
	files := Files{Host: host.NewTrace(&host.Local{}, &trace), Secrets: passphrases}
	stop := watchForPassphrases(t)
	t.Run("formats", func(t *testing.T) {
		for _, format := range []string{"raw", "qcow2"} {
			t.Run(format, func(t *testing.T) {
				t.Parallel()
				testEncryption(t, files, format)
			})
		}
	})
	stop()
	for _, passphrase := range secretForms() {
		if strings.Contains(trace.String(), passphrase) {
			t.Errorf("the trace contains %q", passphrase)
		}
	}
}

// A lockedBuffer is a buffer that several goroutines can write to.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(text)
}

func testEncryption(t *testing.T, files Files, format string) {
	p, data := newPool(t), backendtest.Pattern(1<<20, 1)
	plain := put(t, p, "plain", "raw", data)
	backendtest.Encrypt(t, p.Target.Path+"/source", format, passphrases["one"], data)
	look := func(name string) *pooldef.Volume {
		v, err := files.Volume(t.Context(), p, name)
		ok(t, err)
		return v
	}
	define := func(name string, e *pooldef.Encryption) *pooldef.Volume {
		v := like(plain, name, format)
		v.Target.Encryption = e
		return v
	}
	source := look("source")
	if s := source.Target.Encryption.Secrets; len(s) != 1 || s[0].UUID != "one" ||
		source.Capacity != plain.Capacity {
		t.Fatalf("got source %+v, secrets %+v", *source, s)
	}
	// Creating a key takes long, so: raw from plain, qcow2 from encrypted and larger.
	t.Run("new key", func(t *testing.T) {
		from, size := plain, source.Capacity.Bytes
		if format == "qcow2" {
			from, size = source, 2<<20+1
		}
		d := define("new", backendtest.LUKS("two"))
		d.Capacity = pooldef.Bytes(size)
		ok(t, files.Clone(t.Context(), p, d, from, backend.CloneOptions{}))
		want := qemuimg.Rounded("raw", size)
		if v := look("new"); v.Capacity.Bytes != want || *v.Target.Permissions.Mode != 0o600 {
			t.Errorf("got %+v", *v)
		}
		checkPassphrase(t, look("new"), "two", data)
	})
	t.Run("same key", func(t *testing.T) {
		for name, e := range map[string]*pooldef.Encryption{"same": backendtest.LUKS("one"),
			"as it was": {Format: "luks"}} {
			ok(t, files.Clone(t.Context(), p, define(name, e), source, backend.CloneOptions{}))
			a, err := os.ReadFile(source.Target.Path)
			ok(t, err)
			b, err := os.ReadFile(p.Target.Path + "/" + name)
			ok(t, err)
			if !bytes.Equal(a, b) {
				t.Errorf("%s: the clone is not a copy of the file", name)
			}
		}
	})
	t.Run("to plain", func(t *testing.T) {
		for _, to := range []string{"raw", "qcow2"} {
			ok(t, files.Clone(t.Context(), p, like(plain, "to "+to, to), source, backend.CloneOptions{}))
			checkIdentical(t, plain, find(t, p, "to "+to))
		}
	})
	t.Run("refused", func(t *testing.T) { testRefusedKeys(t, files, p, source, define) })
	t.Run("resize", func(t *testing.T) {
		ok(t, files.Resize(t.Context(), p, "source", 3<<20+1, backend.ResizeOptions{}))
		if v := look("source"); v.Capacity.Bytes != 3<<20+512 {
			t.Errorf("got %+v", *v)
		}
		checkPassphrase(t, look("source"), "one", data)
		ok(t, files.Resize(t.Context(), p, "source", 1<<20, backend.ResizeOptions{Shrink: true}))
		checkPassphrase(t, look("source"), "one", data)
	})
}

// testRefusedKeys tries operations that need the right passphrase without it. Nothing may change.
func testRefusedKeys(t *testing.T, files Files, p *pooldef.Pool, source *pooldef.Volume,
	define func(string, *pooldef.Encryption) *pooldef.Volume) {
	image, err := os.ReadFile(source.Target.Path)
	ok(t, err)
	write(t, p, "source2", string(image))
	opened := func(e *pooldef.Encryption) *pooldef.Volume {
		v := *source
		v.Target.Encryption = e
		return &v
	}
	clone := func(source *pooldef.Volume, e *pooldef.Encryption) error {
		return files.Clone(t.Context(), p, define("v", e), source, backend.CloneOptions{})
	}
	resize := func(s backend.Secrets, name string) error {
		return Files{Host: files.Host, Secrets: s}.Resize(t.Context(), p, name, 2<<20,
			backend.ResizeOptions{})
	}
	noSecret := func(err error) bool { return errors.Is(err, pooldef.ErrNoSecret) }
	invalid := func(err error) bool {
		return strings.Contains(fmt.Sprint(err), "Invalid password") && errors.As(err, new(*host.ExitError))
	}
	for what, test := range map[string]struct {
		do func() error
		is func(error) bool
	}{
		"clone, a wrong passphrase": {func() error {
			return clone(opened(backendtest.LUKS("wrong")),
				nil)
		}, invalid},
		"clone, a secret that is not there": {func() error {
			return clone(opened(backendtest.LUKS("none")),
				nil)
		}, noSecret},
		"clone, no secret": {func() error {
			return clone(opened(&pooldef.Encryption{Format: "luks"}),
				nil)
		}, noSecret},
		"clone to another key, no secret": {func() error {
			return clone(opened(&pooldef.Encryption{Format: "luks"}),
				backendtest.LUKS("two"))
		}, noSecret},
		"clone to a secret that is not there": {func() error { return clone(source, backendtest.LUKS("none")) },
			noSecret},
		"create with a secret that is not there": {func() error {
			return files.Create(t.Context(), p, define("v", backendtest.LUKS("none")),
				backend.CreateOptions{})
		}, noSecret},
		"resize, a wrong passphrase": {func() error { return resize(passphrases, "source2") },
			invalid},
		"resize, no secret": {func() error {
			return resize(backendtest.Secrets{},
				"source")
		}, noSecret},
		"resize, one that is named but is not there": {
			func() error { return resize(backendtest.Secrets{"of source": "none"}, "source") }, noSecret},
	} {
		before := backendtest.Tree(t, p.Target.Path)
		err := test.do()
		if !test.is(err) {
			t.Errorf("%s: error %v", what, err)
		}
		for _, passphrase := range secretForms() {
			if strings.Contains(fmt.Sprintf("%v %+v", err, err), passphrase) {
				t.Errorf("%s: the error contains %q", what, passphrase)
			}
		}
		if after := backendtest.Tree(t, p.Target.Path); after != before {
			t.Errorf("%s: before\n%s\nafter\n%s", what, before, after)
		}
	}
}

// watchForPassphrases searches for passphrases until stop is called, wherever another process could find
// them: in the arguments and environments of all processes, in files that children inherit, and, as an
// ordinary user, in the open files of qemu-img.
func watchForPassphrases(t *testing.T) (stop func()) {
	t.Helper()
	end := make(chan bool)
	var group sync.WaitGroup
	seen := 0
	group.Go(func() {
		for {
			seen += searchProcesses(t)
			select {
			case <-end:
				return
			case <-time.After(20 * time.Millisecond): // leave processor time for the test
			}
		}
	})
	return func() {
		close(end)
		group.Wait()
		if seen == 0 {
			t.Error("the search saw no qemu-img with a passphrase")
		}
	}
}

// searchProcesses searches once, and returns the number of processes that had a passphrase open.
func searchProcesses(t *testing.T) int {
	out, err := new(host.Local).Query(t.Context(), host.Cmd("ls", "-l", "/proc/self/fd"))
	if err != nil || bytes.Contains(out, []byte("memfd")) {
		t.Errorf("an unrelated command has inherited files:\n%s, error %v", out, err)
	}
	seen := 0
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes {
		cmdline, _ := os.ReadFile(process + "/cmdline")
		environ, _ := os.ReadFile(process + "/environ")
		for _, passphrase := range secretForms() {
			if bytes.Contains(cmdline, []byte(passphrase)) || bytes.Contains(environ, []byte(passphrase)) {
				t.Errorf("%s has a passphrase: %q", process, cmdline)
			}
		}
		if !bytes.HasPrefix(cmdline, []byte("qemu-img\x00")) &&
			!bytes.Contains(cmdline, []byte("/qemu-img\x00")) {
			continue
		}
		link, _ := os.Readlink(process + "/fd/3")
		if !strings.HasPrefix(link, "/memfd:") {
			continue
		}
		input, _ := os.ReadFile(process + "/fd/3")
		if !slices.Contains(secretForms(), string(input)) {
			continue
		}
		seen++
		if os.Geteuid() == 0 && seen%8 == 1 {
			checkUnreadable(t, process+"/fd/3")
		}
	}
	return seen
}

func checkUnreadable(t *testing.T, path string) {
	cmd := exec.Command("cat", path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := cmd.Output(); err == nil || len(out) > 0 {
		t.Errorf("an ordinary user can read %q in %s", out, path)
	}
}
