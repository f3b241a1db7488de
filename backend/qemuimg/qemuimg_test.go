package qemuimg

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

func TestMain(m *testing.M) { backendtest.Main(m) }

var secrets = backendtest.Secrets{"one": "a passphrase", "two": "another"}

func define(format string, e *pooldef.Encryption) *pooldef.Volume {
	return &pooldef.Volume{
		Name:     "a,b",
		Capacity: pooldef.Bytes(1 << 20),
		Target:   pooldef.VolumeTarget{Path: "/p/a,b", Format: format, Encryption: e},
	}
}

// opened opens an image with any backing chain.
func opened(t testing.TB, path, format string) *Image {
	t.Helper()
	i, err := Open(
		secrets, &pooldef.Volume{Type: "file", Target: pooldef.VolumeTarget{Path: path, Format: format}}, anything,
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	return i
}

func anything(string, *safeopen.Handle) error { return nil }

// made creates an image with qemu-img.
func made(t testing.TB, path, format string, args ...string) string {
	t.Helper()
	all := append([]string{"create", "-q", "-f", format}, args...)
	if out, err := exec.Command("qemu-img", append(all, path, "1M")...).CombinedOutput(); err != nil {
		t.Fatalf("qemu-img: %v: %s", err, out)
	}
	return path
}

// TestLines compares complete command lines. Untrusted names must not appear in options.
func TestLines(t *testing.T) {
	key, err := NewKey(secrets, define("raw", backendtest.LUKS("one")))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	other := &Key{File: "/secrets/two", Passphrase: []byte("another")}
	base := made(t, dir+"/base", "raw")
	source := opened(t, made(t, dir+"/x,y", "qcow2", "-b", base, "-F", "raw"), "qcow2")
	raw := opened(t, base, "raw")
	raw.InUse = true
	luks := opened(t, base, "raw")
	luks.Key = key
	object := "--object secret,id=key0,format=base64,file=/dev/fd/3 "
	chain := `json:{"backing":{"driver":"raw","file":{"driver":"file","filename":"/dev/fd/4"}},"driver":"qcow2","file":{"driver":"file","filename":"/dev/fd/3"}}`
	blank := Device("/dev/x")
	blank.Blank = true
	made := Made("/d/a,b", "qcow2", nil)
	made.Compress = true
	for _, test := range []struct {
		command host.Command
		want    string
	}{
		{Create(define("qcow2", nil), "/d", 512, Image{}, nil, ""), "create -q -f qcow2 -o compat=1.1 ./a,b 512"},
		{Create(define("vmdk", nil), "/d", 512, Image{}, nil, "off"), "create -q -f vmdk ./a,b 512"},
		{Create(define("qcow2", nil), "/d", 512, Image{Path: "x,y", Format: "raw"}, nil, ""),
			"create -q -f qcow2 -u -b x,y -o backing_fmt=raw,compat=1.1 ./a,b 512"},
		{Create(define("raw", backendtest.LUKS("one")), "/d", 512, Image{}, key, ""),
			"create -q -f luks " + object + "-o key-secret=key0 ./a,b 512"},
		{Create(define("qcow2", backendtest.LUKS("one")), "/d", 512, Image{}, key, ""),
			"create -q -f qcow2 " + object + "-o encrypt.format=luks,encrypt.key-secret=key0,compat=1.1 ./a,b 512"},
		{Encrypt(define("raw", backendtest.LUKS("one")), "/dev/x,y", 512, key),
			"create -q -f luks " + object + "-o key-secret=key0 /dev/fd/4 512"},
		{Convert(source, Made("/d/a,b", "iso", nil), define("iso", nil), "", nil),
			"convert -q -O raw " + chain + " ./a,b"},
		{Convert(source, made, define("qcow2", nil), "metadata", func(uint64, uint64) {}),
			"convert -p -c -O qcow2 -o preallocation=metadata,compat=1.1 " + chain + " ./a,b"},
		{Convert(raw, Made("/d/a,b", "vdi", nil), define("vdi", nil), "", nil), `convert -q -U -O vdi json:{"driver":"raw","file":{"driver":"file","filename":"/dev/fd/3"}} ./a,b`},
		{Into(source, Device("/dev/x"), nil),
			"convert -q -n --target-image-opts " + chain +
				" driver=raw,file.driver=host_device,file.filename=/dev/fd/5"},
		{Into(source, blank, nil),
			"convert -q --target-is-zero -n --target-image-opts " + chain +
				" driver=raw,file.driver=host_device,file.filename=/dev/fd/5"},
		{Into(luks, Made("/d/a,b", "qcow2", other), nil),
			"convert -q " + object + "--object secret,id=key2,format=raw,file=/dev/fd/5 -n --target-image-opts " +
				`json:{"driver":"luks","file":{"driver":"file","filename":"/dev/fd/4"},"key-secret":"key0"} ` +
				"driver=qcow2,encrypt.key-secret=key2,file.driver=file,file.filename=/dev/fd/6"},
		{Resize(Made("/d/a,b", "qcow2", nil), 1024, true, ""),
			`resize -q --shrink json:{"backing":null,"driver":"qcow2","file":{"driver":"file","filename":"/dev/fd/3"}} 1024`},
		{Resize(Made("/d/a,b", "qcow2", key), 1024, false, "falloc"), "resize -q --preallocation=falloc " + object +
			`json:{"backing":null,"driver":"qcow2","encrypt.key-secret":"key0","file":{"driver":"file","filename":"/dev/fd/4"}} 1024`},
	} {
		if got := strings.Join(test.command.Args, " "); got != test.want {
			t.Errorf("got\n%s, want\n%s", got, test.want)
		}
		if test.command.Confined == nil || test.command.Confined.Network {
			t.Errorf("%s: confined as %+v", test.want, test.command.Confined)
		}
		for _, in := range test.command.Inputs {
			if text := test.command.Shell(); in.Data != nil && strings.Contains(text, string(in.Data)) ||
				!strings.Contains(text, shell.Quote(in.File)) {
				t.Errorf("Shell returns %s", text)
			}
		}
	}
}

// TestExplain checks the error for an image that qemu-io has open, at the top of a chain and below.
func TestExplain(t *testing.T) {
	dir := t.TempDir()
	base := made(t, dir+"/it's 'v',x", "qcow2")
	top := made(t, dir+"/top", "qcow2", "-b", base, "-F", "qcow2")
	holder := exec.Command("qemu-io", "-f", "qcow2", base)
	in, _ := holder.StdinPipe()
	out, _ := holder.StdoutPipe()
	if err := holder.Start(); err != nil {
		backendtest.NotRun(t, "images that are in use: install qemu-utils")
	}
	defer func() { in.Close(); _ = holder.Wait() }()
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	v := define("qcow2", nil)
	for _, image := range []*Image{opened(t, base, "qcow2"), opened(t, top, "qcow2")} {
		image.write = true
		for _, command := range []host.Command{
			Convert(image, Made(t.TempDir()+"/v", v.Target.Format, nil), v, "", nil), Resize(image, 1<<21, false, ""),
			Into(image, Made(dir+"/top", "raw", nil), nil),
		} {
			used := (*host.InUseError)(nil)
			if err := TranslateError(new(host.Local).Change(t.Context(), command)); !errors.As(err, &used) ||
				used.Path != base {
				t.Errorf("%s: error %v", command.Shell(), err)
			}
		}
	}
}

// TestExplainNames checks the error for a file that is not an image.
func TestExplainNames(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/not one"
	if err := os.WriteFile(path, make([]byte, 512), 0o600); err != nil {
		t.Fatal(err)
	}
	err := TranslateError(new(host.Local).Change(t.Context(), Resize(Made(path, "qcow2", nil), 1024, false, "")))
	if err == nil || strings.Contains(err.Error(), "json:") || !strings.Contains(err.Error(), "'"+path+"'") {
		t.Errorf("error %v", err)
	}
	if TranslateError(nil) != nil || TranslateError(os.ErrExist) != os.ErrExist { //nolint:errorlint // identity
		t.Error("an unrelated error was changed")
	}
}
