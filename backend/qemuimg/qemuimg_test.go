package qemuimg

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

func TestMain(m *testing.M) { backendtest.Main(m) }

var secrets = backendtest.Secrets{"one": "a passphrase", "two": "another"}

func define(format string, e *pooldef.Encryption) *pooldef.Volume {
	return &pooldef.Volume{Name: "a,b", Capacity: pooldef.Bytes(1 << 20), Target: pooldef.VolumeTarget{Path: "/p/a,b", Format: format, Encryption: e}}
}

// TestLines compares whole command lines. Options are parted by commas, so those in names are doubled there, and only there.
func TestLines(t *testing.T) {
	key, err := NewKey(secrets, define("raw", backendtest.LUKS("one")))
	if err != nil {
		t.Fatal(err)
	}
	other := &Key{File: "/secrets/two", Passphrase: []byte("another")}
	source := Image{Path: "/s/x,y", Format: "qcow2"}
	object := "--object secret,id=key0,format=base64,file=/dev/fd/3 "
	for _, test := range []struct {
		command host.Command
		want    string
	}{
		{Create(define("qcow2", nil), "/d", 512, Image{}, nil, ""), "create -q -f qcow2 -o compat=1.1 ./a,b 512"},
		{Create(define("vmdk", nil), "/d", 512, Image{}, nil, "off"), "create -q -f vmdk ./a,b 512"},
		{Create(define("qcow2", nil), "/d", 512, Image{Path: "x,y", Format: "raw"}, nil, ""), "create -q -f qcow2 -u -b x,y -o backing_fmt=raw,compat=1.1 ./a,b 512"},
		{Create(define("raw", backendtest.LUKS("one")), "/d", 512, Image{}, key, ""), "create -q -f luks " + object + "-o key-secret=key0 ./a,b 512"},
		{Create(define("qcow2", backendtest.LUKS("one")), "/d", 512, Image{}, key, ""),
			"create -q -f qcow2 " + object + "-o encrypt.format=luks,encrypt.key-secret=key0,compat=1.1 ./a,b 512"},
		{Convert(source, define("iso", nil), "/d", "", nil, 0), "convert -q -f qcow2 -O raw /s/x,y ./a,b"},
		{Convert(source, define("qcow2", nil), "/d", "metadata", func(uint64, uint64) {}, 0), "convert -p -f qcow2 -O qcow2 -o preallocation=metadata,compat=1.1 /s/x,y ./a,b"},
		{Convert(Image{Path: "/s/x", Format: "raw", InUse: true}, define("vdi", nil), "/d", "", nil, 0), "convert -q -U -f raw -O vdi /s/x ./a,b"},
		{Into(source, Image{Path: "/dev/x", Format: "raw"}, "/", nil, 0),
			"convert -q -n --image-opts --target-image-opts driver=qcow2,file.filename=/s/x,,y driver=raw,file.filename=/dev/x"},
		{Into(source, Image{Path: "/dev/x", Format: "raw", Blank: true}, "/", nil, 0),
			"convert -q --target-is-zero -n --image-opts --target-image-opts driver=qcow2,file.filename=/s/x,,y driver=raw,file.filename=/dev/x"},
		{Into(Image{Path: "/s", Format: "raw", Key: key}, Image{Path: "./a,b", Format: "qcow2", Key: other}, "/d", nil, 0),
			"convert -q " + object + "--object secret,id=key1,format=raw,file=/dev/fd/4 -n --image-opts --target-image-opts " +
				"driver=luks,file.filename=/s,key-secret=key0 driver=qcow2,file.filename=./a,,b,encrypt.key-secret=key1"},
		{Resize(source, "/d", 1024, true, ""), "resize -q --shrink -f qcow2 /s/x,y 1024"},
		{Resize(source, "/d", 1024, false, "falloc"), "resize -q --preallocation=falloc -f qcow2 /s/x,y 1024"},
		{Resize(Image{Path: "./a,b", Format: "raw", Key: key}, "/d", 1024, false, ""),
			"resize -q " + object + "--image-opts driver=luks,file.filename=./a,,b,key-secret=key0 1024"},
	} {
		if got := strings.Join(test.command.Args, " "); got != test.want {
			t.Errorf("got\n%s, want\n%s", got, test.want)
		}
		for _, in := range test.command.Inputs {
			if text := test.command.Shell(); strings.Contains(text, string(in.Data)) || !strings.Contains(text, "<"+in.File) {
				t.Errorf("a shell would be shown %s", text)
			}
		}
	}
}

// TestExplain has qemu-img complain of an image that qemu-io has open.
func TestExplain(t *testing.T) {
	path := t.TempDir() + "/it's 'v',x"
	if err := os.WriteFile(path, backendtest.Convert(t, "raw", "qcow2", make([]byte, 512)), 0o600); err != nil {
		t.Fatal(err)
	}
	holder := exec.Command("qemu-io", "-f", "qcow2", path)
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
	held := Image{Path: path, Format: "qcow2"}
	for _, command := range []host.Command{
		Convert(held, v, t.TempDir(), "", nil, 0), Resize(held, "/", 1024, false, ""), Into(held, Image{Path: "/none", Format: "raw"}, "/", nil, 0),
	} {
		used := (*host.InUseError)(nil)
		if err := Explain(new(host.Local).Change(t.Context(), command)); !errors.As(err, &used) || used.Path != path {
			t.Errorf("%s: error %v", command.Shell(), err)
		}
	}
	missing := Resize(Image{Path: path + "x", Format: "raw"}, "/", 1024, false, "")
	err := new(host.Local).Change(t.Context(), missing)
	if exit := (*host.ExitError)(nil); Explain(err) != err || !errors.As(err, &exit) || Explain(nil) != nil { //nolint:errorlint // the very same
		t.Errorf("of one that is not there: error %v", err)
	}
}
