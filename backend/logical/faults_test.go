package logical

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// A counter records queries.
type counter struct {
	host.Host
	asked []string
}

func (c *counter) Query(ctx context.Context, q host.Command) ([]byte, error) {
	c.asked = append(c.asked, q.Name)
	return c.Host.Query(ctx, q)
}

// manyVolumes adds n inactive thin volumes to a group by editing its metadata, because creating each would
// take minutes. They are snapshots of the volume tv.
func manyVolumes(t *testing.T, n int) {
	t.Helper()
	file := t.TempDir() + "/metadata"
	run(t, "vgchange", "-q", "-an", "vg-0")
	run(t, "vgcfgbackup", "-q", "-f", file, "vg-0")
	data, err := os.ReadFile(file)
	ok(t, err)
	text := string(data)
	first := regexp.MustCompile(`(?s)\t\ttv \{.*?\n\t\t\}\n`).FindString(text)
	id := regexp.MustCompile(`id = "[^"]*"`).FindString(first)
	var all strings.Builder
	for i := range n {
		one := strings.Replace(first, "\t\ttv {", fmt.Sprintf("\t\ttv-%04d {", i), 1)
		one = strings.Replace(one, id, fmt.Sprintf(`id = "poolct-0000-0000-0000-0000-0000-00%04d"`, i), 1)
		one = strings.Replace(one, `"WRITE", `, "", 1)
		all.WriteString(strings.Replace(one, "device_id = 1", fmt.Sprintf("device_id = %d\norigin = \"tv\"", i+2), 1))
	}
	ok(t, os.WriteFile(file, []byte(strings.Replace(text, first, first+all.String(), 1)), 0o600))
	run(t, "vgcfgrestore", "-q", "--yes", "--force", "-f", file, "vg-0")
}

// TestThousand lists a thousand thin volumes with one query, even if none is active, and the snapshots that
// they are. A verb first asks if the pool is active, and finds the volume that a key names.
func TestThousand(t *testing.T) {
	p := newPool(t, 1)
	run(t, "vgcreate", "-q", "vg-0", devices[0])
	run(t, "lvcreate", "-qy", "-T", "-L", "16M", "vg-0/tp")
	run(t, "lvcreate", "-qy", "-n", "tv", "-V", "1G", "-T", "vg-0/tp", "-ky")
	const n = 1000
	manyVolumes(t, n)
	p.Started = true
	c := &counter{Host: &host.Local{}}
	b := New(c, nil)
	activate := func() {
		t.Helper()
		c.asked = nil
		b.Host = &host.CachedHost{Host: c}
		if active, err := b.Active(t.Context(), p); !active || err != nil {
			t.Errorf("active: %v, error %v", active, err)
		}
	}
	for what, list := range map[string]func(
		context.Context, *pooldef.Pool,
	) func(func(*pooldef.Volume, error) bool){
		"names": func(ctx context.Context, p *pooldef.Pool) func(func(*pooldef.Volume, error) bool) {
			return b.Volumes(ctx, p)
		},
		"details": func(ctx context.Context, p *pooldef.Pool) func(func(*pooldef.Volume, error) bool) {
			return b.Details(ctx, p)
		},
	} {
		activate()
		count := 0
		for v, err := range list(t.Context(), p) {
			ok(t, err)
			ok(t, v.Err)
			count++
		}
		if count != n+1 || strings.Join(c.asked, " ") != "lvs" {
			t.Errorf("%s: %d volumes, asked %q", what, count, c.asked)
		}
	}
	activate()
	name, found := b.Locate(t.Context(), p, "poolct-0000-0000-0000-0000-0000-000999")
	if name != "tv-0999" || !found {
		t.Errorf("found %q, %v", name, found)
	}
	_, err := b.Volume(t.Context(), p, name)
	ok(t, err)
	activate()
	all, err := b.Snapshots(t.Context(), p, "")
	if len(all) != n || err != nil || strings.Join(c.asked, " ") != "lvs" {
		t.Errorf("%d snapshots, error %v; asked %q", len(all), err, c.asked)
	}
	activate()
	if _, err := b.RemoveStale(t.Context(), p); err != nil || strings.Join(c.asked, " ") != "lvs" {
		t.Errorf("RemoveStale: %v; asked %q", err, c.asked)
	}
}

// TestLocate finds volumes by every supported path and key, and by no other.
func TestLocate(t *testing.T) {
	p, b := newPool(t, 1), newBackend()
	p.Source.Name = "vg-0"
	run(t, "vgcreate", "-q", "vg-0", devices[0])
	run(t, "lvcreate", "-qy", "-n", "a--b.+_", "-L", "4M", "vg-0")
	run(t, "lvcreate", "-qy", "-n", "o", "-L", "4M", "vg-0")
	run(t, "lvcreate", "-qy", "-n", "s", "-s", "-L", "4M", "vg-0/o")
	node, err := os.Readlink("/dev/vg-0/a--b.+_")
	ok(t, err)
	key := strings.TrimSpace(run(t, "lvs", "--noheadings", "-o", "lv_uuid", "vg-0/a--b.+_"))
	for place, want := range map[string]string{
		"/dev/vg-0/a--b.+_": "a--b.+_", "/dev/vg-0/": "", "/dev/vg-0": "", "/dev/vg-0/x/y": "",
		"/dev/vg-0/../vg-0/o": "o", "/dev/mapper/vg--0-a----b.+_": "a--b.+_",
		"/dev/mapper/vg--0-o": "o", "/dev/mapper/vg--0-o-real": "", "/dev/mapper/vg--0-s-cow": "",
		"/dev/mapper/vg-0-o": "", "/dev/mapper/vg--0": "",
		"/dev/" + node[len("../"):]: "a--b.+_", "/dev/disk/by-id/dm-name-vg--0-o": "o", devices[0]: "",
		"/dev/null": "", "o": "", "": "", key: "a--b.+_", key[:37] + "_": "",
		"/dev/vg-0/.poolctl-1-2-3": "", "/dev/vg-1/o": "",
	} {
		if name, found := b.Locate(t.Context(), p, place); name != want || found != (want != "") {
			t.Errorf("Locate(%q) = %q, %v; want %q", place, name, found, want)
		}
	}
}

// TestOverflow writes more to two snapshots than they have space for.
func TestOverflow(t *testing.T) {
	p, b := started(t, 1)
	for _, name := range []string{"s1", "s2"} {
		d := volume(name, 4*mib)
		d.Backing = &pooldef.VolumeTarget{Path: "/dev/vg-0/v"}
		ok(t, b.Create(t.Context(), p, d, backend.CreateOptions{}))
	}
	write(t, path(p, "v"), backendtest.Pattern(8*mib, 1))
	for _, name := range []string{"s1", "s2"} {
		v, err := b.Volume(t.Context(), p, name)
		ok(t, err)
		refused[*backend.StateError](t, name, v.Err, "overflowed", "lost")
		refused[*backend.StateError](
			t, name, b.Download(t.Context(), p, name, nil, backend.Transfer{}), "overflowed",
		)
	}
	ok(t, b.Delete(t.Context(), p, "s1"))
	refused[*backend.StateError](t, "delete", b.Delete(t.Context(), p, "v"), "s2")
	ok(t, b.DeleteWithSnapshots(t.Context(), p, "v"))
	if left := listing(t, b, p); left != "" {
		t.Errorf("left over: %s", left)
	}
}

// TestDeleteWithSnapshots deletes a volume and its snapshots, first while a snapshot is in use.
func TestDeleteWithSnapshots(t *testing.T) {
	p, b := started(t, 1)
	d := volume("s", 4*mib)
	d.Backing = &pooldef.VolumeTarget{Path: "v"}
	ok(t, b.Create(t.Context(), p, d, backend.CreateOptions{}))
	f, err := os.Open(path(p, "s"))
	ok(t, err)
	before := snapshot(t)
	refused[*backend.BusyError](
		t, "in use", b.DeleteWithSnapshots(t.Context(), p, "v"), "volume s", fmt.Sprintf("process %d", os.Getpid()),
	)
	if after := snapshot(t); after != before {
		t.Errorf("state before\n%s\nstate after\n%s", before, after)
	}
	ok(t, f.Close())
	ok(t, b.DeleteWithSnapshots(t.Context(), p, "v"))
	refused[error](t, "gone", b.DeleteWithSnapshots(t.Context(), p, "v"), "Storage volume not found")
	if left := listing(t, b, p); left != "" {
		t.Errorf("left over: %s", left)
	}
}

// TestFull requests more space than the group has.
func TestFull(t *testing.T) {
	p, b := started(t, 1)
	free := "121634816 bytes free" // free space of 128 MiB, without LVM's extent and the volume's two
	before := snapshot(t)
	refused[*backend.StateError](
		t, "create", b.Create(t.Context(), p, volume("x", 128*mib), backend.CreateOptions{}), "\"vg-0\"", free,
	)
	refused[*backend.StateError](
		t, "grow", b.Resize(t.Context(), p, "v", 1<<40, backend.ResizeOptions{}), "\"vg-0\"", free,
	)
	if after := snapshot(t); after != before {
		t.Errorf("state before\n%s\nstate after\n%s", before, after)
	}
}

// TestEncrypted creates a volume that qemu can open with its passphrase and that has the requested capacity.
func TestEncrypted(t *testing.T) {
	backendtest.QuickKeys(t)
	p, _ := started(t, 1)
	b := New(&host.Local{}, backendtest.Secrets{"one": "a passphrase"})
	d := volume("x", 8*mib)
	d.Target.Encryption = backendtest.LUKS("one")
	ok(t, b.Create(t.Context(), p, d, backend.CreateOptions{}))
	v, err := b.Volume(t.Context(), p, "x")
	ok(t, err)
	if v.Capacity.Bytes != 12*mib { // rounded up to extents
		t.Errorf("%+v", *v)
	}
	info := run(t, "qemu-img", "info", "--output=json", "/dev/vg-0/x")
	if !regexp.MustCompile(`(?s)"virtual-size": 1\d{7},.*"format": "luks"`).MatchString(info) {
		t.Errorf("qemu-img info: %s", info)
	}
	before := snapshot(t)
	// as requested, with equal extents, and as listed
	for _, same := range []uint64{8 * mib, 7 * mib, 12 * mib} {
		ok(t, b.Resize(t.Context(), p, "x", same, backend.ResizeOptions{}))
	}
	refused[*backend.StateError](
		t, "shrink", b.Resize(t.Context(), p, "x", 6*mib, backend.ResizeOptions{}), "would be lost",
	)
	d = volume("y", 8*mib)
	d.Target.Encryption = backendtest.LUKS("none")
	refused[error](t, "no secret", b.Create(t.Context(), p, d, backend.CreateOptions{}), "Secret not found")
	d.Target.Encryption = &pooldef.Encryption{Format: "qcow"}
	refused[*qemuimg.UnsupportedError](
		t, "another encryption", b.Create(t.Context(), p, d, backend.CreateOptions{}), "luks",
	)
	if after := snapshot(t); after != before {
		t.Errorf("state before\n%s\nstate after\n%s", before, after)
	}
	ok(t, b.Resize(t.Context(), p, "x", 13*mib, backend.ResizeOptions{}))
	if v, err := b.Volume(t.Context(), p, "x"); err != nil || v.Capacity.Bytes != 16*mib {
		t.Errorf("%+v, error %v", v, err)
	}
}

// TestBroken makes a device of an active group fail.
func TestBroken(t *testing.T) {
	p, b := newPool(t, 2), newBackend()
	// LVM must not find the first device's content on the second
	const sectors, linear = "0 200000 ", "linear /dev/loop1 8192"
	load := func(args ...string) {
		t.Helper()
		backendtest.Change(t, host.Cmd("dmsetup", args...))
	}
	load("create", "broken", "--table", sectors+linear)
	t.Cleanup(func() { load("remove", "--retry", "broken") })
	t.Cleanup(func() {
		load("reload", "broken", "--table", sectors+linear)
		load("resume", "broken")
		run(t, "vgremove", "-ff", "-y", "vg-0")
	})
	p.Source.Devices[1].Path = "/dev/mapper/broken"
	ok(t, b.Build(t.Context(), p, backend.BuildOptions{}))
	ok(t, b.Start(t.Context(), p))
	p.Started = true
	run(t, "lvcreate", "-qy", "-n", "good", "-L", "8M", "vg-0", devices[0])
	run(t, "lvcreate", "-qy", "-n", "bad", "-L", "8M", "vg-0", "/dev/mapper/broken")
	load("reload", "broken", "--table", sectors+"error")
	load("resume", "broken")
	for v, err := range b.Details(t.Context(), p) {
		ok(t, err)
		if v.Name == "bad" {
			refused[*backend.StateError](t, "listed", v.Err, "missing")
		} else if v.Name != "good" || v.Err != nil {
			t.Errorf("listed %+v", *v)
		}
	}
	if active, err := b.Active(t.Context(), p); !active || err != nil {
		t.Errorf("active: %v, error %v", active, err)
	}
	if err := b.Download(t.Context(), p, "bad", nil, backend.Transfer{}); err == nil {
		t.Error("the volume was read")
	}
	to, err := os.CreateTemp(t.TempDir(), "")
	ok(t, err)
	ok(t, b.Download(t.Context(), p, "good", to, backend.Transfer{}))
	if n, err := to.Seek(0, io.SeekCurrent); n != 8*mib {
		t.Errorf("read %d bytes, error %v", n, err)
	}
	if err := b.Create(t.Context(), p, volume("x", 4*mib), backend.CreateOptions{}); err == nil {
		t.Error("a volume was created")
	} else {
		t.Log(err)
	}
	refused[*backend.StateError](t, "start", b.Start(t.Context(), p), "lacks 1 of its devices")
	ok(t, b.Stop(t.Context(), p))
}
