package dir

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// secrets must not appear in the goldens.
var secrets = backendtest.Secrets{keyID: "swordfish", "of secret.qcow2": keyID}

const keyID = "5ec7e700-0000-4000-8000-000000000001"

// encrypted adds encryption to a definition.
func encrypted(v *pooldef.Volume) {
	v.Target.Encryption = backendtest.LUKS(keyID)
}

// checkNoSecrets fails the test if the record contains a secret.
func (s *session) checkNoSecrets() {
	s.Helper()
	for _, shown := range []string{secrets[keyID],
		base64.StdEncoding.EncodeToString([]byte(secrets[keyID]))} {
		if strings.Contains(s.Record.String(), shown) {
			s.Errorf("the record contains the secret %s", shown)
		}
	}
}

// putImages creates images of 1 MiB in several formats in the session's directory.
func (s *session) putImages() {
	s.Helper()
	for name, format := range map[string]string{"disk.raw": "raw", "disk.qcow2": "qcow2",
		"disk.vmdk": "vmdk"} {
		data := backendtest.Convert(s, "raw", format, backendtest.Pattern(1<<20, 1))
		if err := os.WriteFile(s.dir+"/"+name, data, 0o600); err != nil {
			s.Fatal(err)
		}
	}
}

// A cloneCase is a volume that is created from another.
type cloneCase struct {
	title, source, name, format string
	change                      func(v *pooldef.Volume)
	o                           backend.CloneOptions
}

func (c cloneCase) clone(b *Backend, p *pooldef.Pool) error {
	source, err := b.Volume(context.Background(), p, c.source)
	if err != nil {
		return err
	}
	v := &pooldef.Volume{Name: c.name, Capacity: source.Capacity, Allocation: pooldef.Bytes(0),
		Target: pooldef.VolumeTarget{Format: c.format}}
	c.change(v)
	return b.Clone(context.Background(), p, v, source, c.o)
}

func TestGoldenClone(t *testing.T) {
	none := func(*pooldef.Volume) {}
	larger := func(v *pooldef.Volume) { v.Capacity = pooldef.Bytes(3 << 20) }
	preallocated := func(how string) backend.CloneOptions {
		return backend.CloneOptions{CreateOptions: backend.CreateOptions{Preallocation: how}}
	}
	golden(t, "clone", func(s *session) {
		s.putImages()
		for _, c := range []cloneCase{
			{"raw: the file is copied", "disk.raw", "copy.raw", "raw", none, backend.CloneOptions{}},
			{"raw, larger, with all its room", "disk.raw", "larger.raw", "raw",
				func(v *pooldef.Volume) { larger(v); v.Allocation = pooldef.Size{} }, backend.CloneOptions{}},
			{"raw, somebody's", "disk.raw", "owned 'raw'", "raw",
				func(v *pooldef.Volume) { v.Target.Permissions = otherOwner() }, backend.CloneOptions{}},
			{"qcow2: the file is copied", "disk.qcow2", "copy.qcow2", "qcow2", none, backend.CloneOptions{}},
			{"qcow2, larger", "disk.qcow2", "larger.qcow2", "qcow2", larger, backend.CloneOptions{}},
			{"qcow2, otherwise than it was", "disk.qcow2", "other.qcow2", "qcow2", func(v *pooldef.Volume) {
				v.Target.ClusterSize, v.Target.LazyRefcounts = 131072, true
			}, preallocated("metadata")},
			{"qcow2 that may be in use", "disk.qcow2", "used.qcow2", "qcow2", none, backend.CloneOptions{InUse: true}},
			{"raw to qcow2", "disk.raw", "-c.qcow2", "qcow2",
				func(v *pooldef.Volume) { v.Target.Permissions = otherOwner() }, backend.CloneOptions{}},
			{"vmdk to raw, larger", "disk.vmdk", "c.raw", "raw", larger, backend.CloneOptions{}},
			{"vmdk to raw, with all its room", "disk.vmdk", "full.raw", "raw", none, preallocated("falloc")},
		} {
			s.do(c.title, "", c.clone)
		}
	})
}

// plan records only the dry run of an operation: creating keys takes long, and other tests check that it
// works.
func (s *session) plan(title string, op func(b *Backend, p *pooldef.Pool) error) {
	s.Helper()
	fmt.Fprintf(&s.Record, "# %s\n", title)
	var dry bytes.Buffer
	p := &pooldef.Pool{Type: pooldef.Dir, Name: "images", Target: pooldef.Target{Path: s.dir}}
	if err := op(New(host.NewDryRun(&host.Local{}, &dry), secrets), p); err != nil {
		s.Error(err)
	}
	for line := range strings.Lines(strings.ReplaceAll(dry.String(), s.dir, "/srv")) {
		s.Record.WriteString("+ " + line)
	}
	s.Record.WriteByte('\n')
}

func TestGoldenEncrypted(t *testing.T) {
	create := func(format string, change func(v *pooldef.Volume)) func(b *Backend, p *pooldef.Pool) error {
		v := &pooldef.Volume{Name: "a,b", Capacity: pooldef.Bytes(1 << 20),
			Target: pooldef.VolumeTarget{Format: format}}
		change(v)
		return func(b *Backend, p *pooldef.Pool) error {
			return b.Create(context.Background(), p, v, backend.CreateOptions{})
		}
	}
	golden(t, "encrypted", func(s *session) {
		s.putImages()
		s.plan("raw", create("raw", encrypted))
		s.plan("qcow2 with all that there is", create("qcow2", func(v *pooldef.Volume) {
			encrypted(v)
			v.Target.Encryption.Cipher = &pooldef.Cipher{Name: "aes", Bits: 256, Mode: "xts", Hash: "sha256"}
			v.Target.Encryption.IVGen = &pooldef.IVGen{Name: "plain64", Hash: "sha256"}
		}))
		s.plan("qcow2 to encrypted raw", cloneCase{"", "disk.qcow2", "v", "raw", encrypted,
			backend.CloneOptions{}}.clone)
		data := backendtest.Pattern(1<<20, 1)
		backendtest.Encrypt(s, s.dir+"/secret.qcow2", "qcow2", "swordfish", data)
		s.plan("encrypted to encrypted", cloneCase{"", "secret.qcow2", "v", "raw", encrypted,
			backend.CloneOptions{}}.clone)
		s.plan("encrypted to one of its own format: the file is copied",
			cloneCase{"", "secret.qcow2", "v", "qcow2", encrypted, backend.CloneOptions{}}.clone)
		s.plan("encrypted to plain", cloneCase{"", "secret.qcow2", "v", "qcow2", func(*pooldef.Volume) {},
			backend.CloneOptions{}}.clone)
		s.plan("resize", func(b *Backend, p *pooldef.Pool) error {
			return b.Resize(context.Background(), p, "secret.qcow2", 2<<20, backend.ResizeOptions{})
		})
		s.checkNoSecrets()
	})
}

func TestGoldenResize(t *testing.T) {
	resize := func(
		name string, size uint64, o backend.ResizeOptions,
	) func(b *Backend, p *pooldef.Pool) error {
		return func(b *Backend, p *pooldef.Pool) error {
			return b.Resize(context.Background(), p, name, size, o)
		}
	}
	golden(t, "resize", func(s *session) {
		s.putImages()
		for _, name := range []string{"disk.raw", "disk.qcow2"} {
			s.do(name+", larger", "", resize(name, 3<<20+1, backend.ResizeOptions{}))
			s.do(name+", larger, with room", "", resize(name, 4<<20, backend.ResizeOptions{Allocate: true}))
			s.do(name+", smaller", "", resize(name, 1<<20, backend.ResizeOptions{Shrink: true}))
		}
	})
}

func TestGoldenData(t *testing.T) {
	ctx := context.Background()
	golden(t, "data", func(s *session) {
		file := host.CreateFile{Path: s.dir + "/other 'side'", Mode: 0o600, UID: -1, GID: -1, Size: 8192}
		backendtest.Change(s, file)
		upload := func(name string, t backend.Transfer) func(b *Backend, p *pooldef.Pool) error {
			return func(b *Backend, p *pooldef.Pool) error {
				f, err := os.Open(file.Path)
				if err != nil {
					return err
				}
				defer f.Close()
				return b.Upload(ctx, p, name, f, t)
			}
		}
		download := func(name string, t backend.Transfer) func(b *Backend, p *pooldef.Pool) error {
			return func(b *Backend, p *pooldef.Pool) error {
				f, err := os.OpenFile("/dev/null", os.O_WRONLY, 0)
				if err != nil {
					return err
				}
				defer f.Close()
				return b.Download(ctx, p, name, f, t)
			}
		}
		wipe := func(name, algorithm string) func(b *Backend, p *pooldef.Pool) error {
			return func(b *Backend, p *pooldef.Pool) error { return b.Wipe(ctx, p, name, algorithm, nil) }
		}
		s.putImages()
		s.do("download", "", download("disk.raw", backend.Transfer{}))
		s.do("download a part, with holes", "", download("disk.qcow2",
			backend.Transfer{File: file.Path, Offset: 4096, Length: 100, Sparse: true}))
		s.do("upload into a raw volume", "", upload("disk.raw", backend.Transfer{}))
		s.do("upload a part, with holes", "", upload("disk.raw",
			backend.Transfer{File: file.Path, Offset: 512, Length: 4096, Sparse: true}))
		s.do("upload what a volume becomes", "", upload("disk.qcow2", backend.Transfer{File: file.Path}))
		s.do("upload too much", "", upload("disk.raw",
			backend.Transfer{File: file.Path, Offset: 1<<20 - 512}))
		s.do("wipe", "", wipe("disk.vmdk", "zero"))
		s.do("wipe and give back the room", "", wipe("disk.vmdk", "trim"))
		s.do("wipe by a pattern", "", wipe("disk.raw", "random"))
	})
}

func TestGoldenSnapshots(t *testing.T) {
	ctx := context.Background()
	golden(t, "snapshots", func(s *session) {
		s.putImages()
		for _, name := range []string{"disk.raw", "disk.qcow2"} {
			s.do(name+", snapshot", "", func(b *Backend, p *pooldef.Pool) error {
				return b.CreateSnapshot(ctx, p, name, "one", backend.SnapshotOptions{})
			})
		}
		s.do("list snapshots", "", func(b *Backend, p *pooldef.Pool) error {
			_, err := b.Snapshots(ctx, p, "")
			return err
		})
		s.do("clone a snapshot", "", func(b *Backend, p *pooldef.Pool) error {
			source, err := b.Volume(ctx, p, "disk.qcow2")
			if err != nil {
				return err
			}
			d := &pooldef.Volume{Name: "copy", Target: pooldef.VolumeTarget{Format: "qcow2"}}
			return b.CloneSnapshot(ctx, p, d, source, "one", backend.CloneOptions{})
		})
		s.do("revert", "", func(b *Backend, p *pooldef.Pool) error {
			return b.RevertToSnapshot(ctx, p, "disk.qcow2", "one", backend.RevertOptions{})
		})
		s.do("delete a snapshot", "", func(b *Backend, p *pooldef.Pool) error {
			return b.DeleteSnapshot(ctx, p, "disk.qcow2", "one")
		})
	})
}
