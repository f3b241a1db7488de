package filevol

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// A conversion converts the raw volume v to qcow2.
type conversion struct {
	*testing.T
	p     *pooldef.Pool
	data  []byte
	count int // of changes
}

func newConversion(t *testing.T) *conversion {
	return &conversion{T: t, p: newPool(t), data: backendtest.Pattern(1<<16, 1)}
}

// run puts the volume into the pool and converts it. meanwhile is called before each change, with its number,
// and reports whether the change fails.
func (c *conversion) run(local *host.Local, meanwhile func(nth int, s host.Step) bool) error {
	c.Helper()
	path := write(c, c.p, "v", string(c.data))
	ok(c, os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)))
	c.count = 0
	files := Files{Host: brokenHost{local, func(s host.Step) bool {
		c.count++
		return meanwhile(c.count, s)
	}}}
	return files.Convert(c.Context(), c.p, "v", backend.ConvertOptions{Format: "qcow2"})
}

// isConverted reports whether the volume is converted. It must have the data, and be alone.
func (c *conversion) isConverted(when string) bool {
	c.Helper()
	entries, err := os.ReadDir(c.p.Target.Path)
	ok(c, err)
	v := find(c, c.p, "v")
	data, err := os.ReadFile(v.Target.Path)
	ok(c, err)
	if v.Target.Format == "qcow2" {
		data = backendtest.Convert(c.T, "qcow2", "raw", data)
	}
	if len(entries) != 1 || !bytes.Equal(data, c.data) {
		c.Fatalf("%s: files %v, %d bytes of the data in %s", when, entries, len(data), v.Target.Format)
	}
	return v.Target.Format == "qcow2"
}

// TestConvertFaults makes each change of a conversion fail, before or after it takes effect, and then every
// later one, too. The volume is always complete in one of the formats. After an error it is as it was, unless
// the replacement could not be undone.
func TestConvertFaults(t *testing.T) {
	c := newConversion(t)
	for _, after := range []bool{false, true} {
		for _, dead := range []bool{false, true} {
			for fails := 1; ; fails++ {
				local, replaced := &host.Local{}, false
				err := c.run(local, func(nth int, s host.Step) bool {
					if after && nth == fails {
						ok(t, local.Change(t.Context(), s))
						_, replaced = s.(host.Replace)
					}
					return nth == fails || dead && nth > fails
				})
				_, sweepErr := here.RemoveStale(t.Context(), c.p)
				ok(t, sweepErr)
				is := c.isConverted("after " + errorText(err))
				mayBe := err == nil || dead && replaced
				if is && !mayBe || !is && err == nil {
					t.Errorf("change %d, after: %v, dead: %v: converted: %v, error %v", fails, after, dead, is, err)
				}
				if c.count < fails {
					break
				}
			}
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return "success"
	}
	return err.Error()
}

// TestConvertChanging writes to a volume while it is converted, or replaces it. The volume stays as changed.
func TestConvertChanging(t *testing.T) {
	c := newConversion(t)
	for name, change := range map[string]func() error{
		"written": func() error {
			f, err := os.OpenFile(c.p.Target.Path+"/v", os.O_WRONLY, 0)
			_, writeErr := f.Write([]byte("DATA"))
			return errors.Join(err, writeErr, f.Close())
		},
		"replaced": func() error {
			return errors.Join(os.WriteFile(c.p.Target.Path+"/w", []byte("DATA"), 0o600),
				os.Rename(c.p.Target.Path+"/w", c.p.Target.Path+"/v"))
		},
	} {
		for at, replaced := 1, false; !replaced; at++ {
			err := c.run(&host.Local{}, func(nth int, s host.Step) bool {
				if nth == at {
					ok(t, change())
					_, replaced = s.(host.Replace)
				}
				return false
			})
			data, readErr := os.ReadFile(c.p.Target.Path + "/v")
			ok(t, readErr)
			if err == nil || !bytes.HasPrefix(data, []byte("DATA")) {
				t.Errorf("%s before change %d: error %v, data %.4q", name, at, err, data)
			}
		}
	}
}

// TestConvertEncrypted checks that an encrypted volume keeps its passphrase and its cipher in another format.
func TestConvertEncrypted(t *testing.T) {
	backendtest.Long(t, "converting encrypted volumes")
	backendtest.QuickKeys(t)
	p, data := newPool(t), backendtest.Pattern(1<<20, 1)
	backendtest.Encrypt(t, p.Target.Path+"/source", "raw", passphrases["one"], data,
		"cipher-alg=aes-128", "cipher-mode=cbc", "hash-alg=sha512", "ivgen-alg=essiv", "ivgen-hash-alg=sha256")
	before := cipherOf(t, p.Target.Path+"/source")
	var steps strings.Builder
	dry := Files{Host: host.NewDryRun(&host.Local{}, &steps), Secrets: passphrases}
	o := backend.ConvertOptions{Format: "qcow2"}
	ok(t, dry.Convert(t.Context(), p, "source", o))
	for _, part := range []string{
		"create -q -f qcow2 --object secret,", "-o encrypt.format=luks,encrypt.key-secret=key0,",
		"encrypt.cipher-alg=aes-128,encrypt.cipher-mode=cbc,encrypt.hash-alg=sha512,encrypt.ivgen-alg=essiv,",
		`{"driver":"luks","file"`, "driver=qcow2,encrypt.key-secret=", `"driver":"qcow2","encrypt.key-secret"`,
	} {
		if !strings.Contains(steps.String(), part) {
			t.Errorf("no %s in\n%s", part, steps.String())
		}
	}
	compressed := backend.ConvertOptions{Format: "qcow2", Compress: true}
	if err := dry.Convert(t.Context(), p, "source", compressed); err == nil {
		t.Error("compressed: got no error")
	}
	files := Files{Host: &host.Local{}, Secrets: passphrases}
	ok(t, files.Convert(t.Context(), p, "source", o))
	v, err := files.Volume(t.Context(), p, "source")
	ok(t, err)
	if v.Target.Format != "qcow2" || v.Capacity.Bytes != uint64(len(data)) {
		t.Errorf("got %+v", *v)
	}
	checkPassphrase(t, v, "one", data)
	if got := cipherOf(t, v.Target.Path); got != before {
		t.Errorf("got cipher %s, want %s", got, before)
	}
}

// cipherOf returns what qemu-img reports of an encrypted raw or qcow2 image.
func cipherOf(t *testing.T, path string) string {
	t.Helper()
	out, err := exec.Command("qemu-img", "info", path).Output()
	ok(t, err)
	var found []string
	for line := range strings.Lines(string(out)) {
		if name, _, _ := strings.Cut(strings.TrimSpace(line), ":"); slices.Contains(
			[]string{"cipher alg", "cipher mode", "hash alg", "ivgen alg", "ivgen hash alg"}, name) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return strings.Join(found, ", ")
}

// TestConvertInUse converts a volume that qemu is writing to.
func TestConvertInUse(t *testing.T) {
	c := newConversion(t)
	write(t, c.p, "v", string(c.data))
	stop := holdOpen(t, find(t, c.p, "v"))
	err := here.Convert(t.Context(), c.p, "v", backend.ConvertOptions{Format: "qcow2"})
	stop()
	if busy, isBusy := errors.AsType[*host.InUseError](err); !isBusy || busy.Reading {
		t.Errorf("got error %v", err)
	}
	if c.isConverted("in use") {
		t.Error("it is converted")
	}
}
