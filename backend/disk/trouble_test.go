package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// refused fails the test unless err is of type E and contains all words.
func refused[E error](t *testing.T, what string, err error, words ...string) {
	t.Helper()
	var want E
	if !errors.As(err, &want) {
		t.Errorf("%s: error %v, want a %T", what, err, want)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s: error %q does not contain %q", what, err, word)
		}
	}
}

// built returns a pool with a new label, and the prefix of its partitions' names.
func built(t *testing.T, format string) (*pooldef.Pool, *Backend, string) {
	t.Helper()
	p, b := newPool(t, format), newBackend()
	ok(t, b.Build(t.Context(), p, backend.BuildOptions{}))
	return p, b, filepath.Base(p.Source.Devices[0].Path) + "p"
}

func create(t *testing.T, b *Backend, p *pooldef.Pool, name, format string, size uint64) error {
	t.Helper()
	v := volume(name, size)
	v.Target.Format = format
	return b.Create(t.Context(), p, v, backend.CreateOptions{})
}

// TestBuildRefuses builds on disks that are not empty or are in use.
func TestBuildRefuses(t *testing.T) {
	p, b, name := built(t, "gpt")
	disk := p.Source.Devices[0].Path
	build := func(overwrite bool) error {
		return b.Build(t.Context(), p, backend.BuildOptions{Overwrite: overwrite})
	}
	refused[*backend.ContentError](t, "built already", build(false), disk, "gpt")
	p.Source.Format = "bsd" // a label that only parted knows
	ok(t, build(true))
	refused[*backend.ContentError](t, "built already", build(false), "bsd")
	p.Source.Format = "dos"
	refused[*backend.ContentError](
		t, "another label", func() error { _, err := b.Space(t.Context(), p); return err }(), "bsd", "dos",
	)
	ok(t, build(true))
	ok(t, create(t, b, p, name+"1", "linux", mib))
	run(t, "mkfs.ext2", "-q", "/dev/"+name+"1")
	dir := t.TempDir()
	run(t, "mount", "/dev/"+name+"1", dir)
	refused[*backend.BusyError](t, "mounted", build(true), name+"1", dir)
	refused[*backend.BusyError](t, "mounted", b.Delete(t.Context(), p, name+"1"), name+"1", dir)
	refused[*backend.BusyError](
		t, "mounted", b.Resize(t.Context(), p, name+"1", 2*mib, backend.ResizeOptions{}), name+"1", dir,
	)
	refused[*backend.StateError](t, "with a partition", b.DeletePool(t.Context(), p), name+"1")
	ok(t, create(t, b, p, name+"2", "linux", mib)) // other partitions can be created and deleted
	ok(t, b.Delete(t.Context(), p, name+"2"))
	run(t, "umount", dir)
	run(t, "mkswap", "/dev/"+name+"1")
	ok(t, build(true))
	if text := listing(t, b, p); strings.Contains(text, "loop0p1") {
		t.Errorf("after building again:\n%s", text)
	}
	p.Source.Format = "lvm2"
	refused[*backend.UnsupportedError](t, "lvm2", build(true), "lvm2")
	p.Source.Format, p.Source.Devices[0].Path = "dos", "/dev/nothing"
	if err := build(true); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing disk: error %v", err)
	}
	if active, err := b.Active(t.Context(), p); active || err != nil {
		t.Errorf("a missing disk: active: %v, error %v", active, err)
	}
}

// TestFileSystem checks that a disk with a file system does not count as a partitioned disk.
func TestFileSystem(t *testing.T) {
	p, b := newPool(t, "dos"), newBackend()
	disk := p.Source.Devices[0].Path
	_, err := b.Space(t.Context(), p)
	refused[*backend.ContentError](t, "empty", err, "not formatted")
	run(t, "mkfs.ext4", "-q", disk)
	_, err = b.Space(t.Context(), p)
	refused[*backend.ContentError](t, "ext4", err, "ext4", "dos")
	refused[*backend.ContentError](t, "ext4", b.Build(t.Context(), p, backend.BuildOptions{}), "ext4")
	refused[*backend.ContentError](t, "ext4", b.DeletePool(t.Context(), p), "ext4")
}

// TestOldSignatures creates a partition over an old file system, which must not reappear.
func TestOldSignatures(t *testing.T) {
	p, b, name := built(t, "gpt")
	ok(t, create(t, b, p, name+"1", "none", 8*mib))
	run(t, "mkfs.ext4", "-q", "/dev/"+name+"1")
	ok(t, b.Delete(t.Context(), p, name+"1"))
	ok(t, create(t, b, p, name+"1", "none", 8*mib))
	found, err := host.Signatures(t.Context(), b.Host, "/dev/"+name+"1")
	if err != nil || len(found) > 0 {
		t.Errorf("a new partition holds %s, error %v", host.Words(found), err)
	}
}

// TestDos creates extended and logical partitions, and tries operations that they do not support.
func TestDos(t *testing.T) {
	p, b, name := built(t, "dos")
	refused[*backend.StateError](
		t, "logical without an extended", create(t, b, p, name+"5", "none", mib), "extended",
	)
	refused[pooldef.Problems](
		t, "not the next", create(t, b, p, name+"2", "none", mib), "the next partition", name+"1",
	)
	ok(t, create(t, b, p, name+"1", "extended", 16*mib))
	refused[*backend.StateError](t, "a second extended", create(t, b, p, name+"2", "extended", mib), name+"1")
	refused[pooldef.Problems](
		t, "not the next logical", create(t, b, p, name+"6", "none", mib), name+"2", name+"5",
	)
	for n := 5; n < 8; n++ {
		ok(t, create(t, b, p, fmt.Sprint(name, n), "linux", 2*mib))
	}
	run(t, "mkfs.ext2", "-q", "/dev/"+name+"7")
	dir := t.TempDir()
	run(t, "mount", "/dev/"+name+"7", dir)
	refused[*backend.BusyError](
		t, "one that would be renamed is mounted", b.Delete(t.Context(), p, name+"6"), name+"7",
	)
	run(t, "umount", dir)
	refused[*backend.StateError](
		t, "an extended with logical ones", b.Delete(t.Context(), p, name+"1"), name+"5, "+name+"6, "+name+"7",
	)
	refused[*backend.UnsupportedError](
		t, "wipe the extended", b.Wipe(t.Context(), p, name+"1", "zero", nil), "extended",
	)
	ok(t, b.Delete(t.Context(), p, name+"6"))
	refused[*backend.StateError](
		t, "more than there is", create(t, b, p, name+"7", "none", 100*mib), "104857600 bytes",
		"the largest possible partition has 6291456 bytes",
	)
	refused[*backend.StateError](
		t, "grown into the next", b.Resize(t.Context(), p, name+"5", 6*mib, backend.ResizeOptions{}),
		"at most 5242880",
	)
	refused[*backend.StateError](
		t, "grown beyond all", b.Resize(t.Context(), p, name+"5", 1<<64-1, backend.ResizeOptions{Shrink: true}),
		"at most",
	)
	ok(t, b.Resize(t.Context(), p, name+"5", 5*mib, backend.ResizeOptions{}))
	ok(t, b.Resize(t.Context(), p, name+"1", 30*mib, backend.ResizeOptions{}))
	equals(t, "logical.golden", listing(t, b, p))
}

// TestMany lists 128 partitions without a query.
func TestMany(t *testing.T) {
	backendtest.Long(t, "a disk full of partitions")
	p, b, _ := built(t, "gpt")
	disk := p.Source.Devices[0].Path
	args := []string{"--script", "--align", "none", "--", disk}
	for n := range 128 {
		args = append(
			args, "mkpart", fmt.Sprint("p", n), fmt.Sprintf("%dKiB", 1024+n*256), fmt.Sprintf("%dKiB", 1024+n*256+255),
		)
	}
	run(t, "parted", args...)
	h := &countingHost{Host: b.Host}
	count, last := 0, ""
	for v, err := range New(h, nil, time.Minute).Details(t.Context(), p) {
		ok(t, errors.Join(err, v.Err))
		if count++; last != "" && pooldef.CompareNames(last, v.Name) >= 0 {
			t.Errorf("%s is listed behind %s", v.Name, last)
		}
		last = v.Name
	}
	if count != 128 || h.asked != 0 {
		t.Errorf("%d partitions were listed by %d queries", count, h.asked)
	}
	refused[pooldef.Problems](
		t, "all taken", create(t, b, p, filepath.Base(disk)+"p129", "none", mib), "all 128",
	)
}

// countingHost counts queries.
type countingHost struct {
	host.Host
	asked int
}

func (c *countingHost) Query(ctx context.Context, command host.Command) ([]byte, error) {
	c.asked++
	return c.Host.Query(ctx, command)
}

// TestEncrypted creates a partition that qemu can open with its passphrase and that has the requested
// capacity.
func TestEncrypted(t *testing.T) {
	backendtest.Long(t, "volumes encrypted by LUKS")
	backendtest.QuickKeys(t)
	p, _, name := built(t, "gpt")
	b := New(&host.Local{}, backendtest.Secrets{"one": "a passphrase"}, time.Minute)
	d := volume(name+"1", 8*mib)
	d.Target.Encryption = backendtest.LUKS("one")
	ok(t, b.Create(t.Context(), p, d, backend.CreateOptions{}))
	info := run(t, "qemu-img", "info", "--output=json", "/dev/"+name+"1")
	const size = `"virtual-size": 8417280,` // 8 MiB, and the unused part of the header's space
	if !strings.Contains(info, size) || !strings.Contains(info, `"format": "luks"`) {
		t.Errorf("qemu-img info: %s", info)
	}
	disk := p.Source.Devices[0].Path
	before := snapshot(t, disk)
	for _, same := range []uint64{8 * mib, 9 * mib, 10 * mib} { // as requested, and as listed
		ok(t, b.Resize(t.Context(), p, name+"1", same, backend.ResizeOptions{}))
	}
	refused[*backend.StateError](
		t, "shrink", b.Resize(t.Context(), p, name+"1", 7*mib, backend.ResizeOptions{}), "would be lost",
	)
	d = volume(name+"2", 8*mib)
	d.Target.Encryption = backendtest.LUKS("none")
	refused[error](t, "no secret", b.Create(t.Context(), p, d, backend.CreateOptions{}), "Secret not found")
	d.Target.Encryption = backendtest.LUKS("one")
	d.Target.Format = extended
	refused[*backend.UnsupportedError](
		t, "an extended one", b.Create(t.Context(), p, d, backend.CreateOptions{}), "extended",
	)
	if after := snapshot(t, disk); after != before {
		t.Errorf("state before\n%s\nstate after\n%s", before, after)
	}
	ok(t, b.Resize(t.Context(), p, name+"1", 16*mib, backend.ResizeOptions{}))
	if v, err := b.Volume(t.Context(), p, name+"1"); err != nil || v.Capacity.Bytes != 18*mib {
		t.Errorf("got %+v, error %v", v, err)
	}
}

// TestWrittenHeader resizes a partition that is smaller than the LUKS header that a guest says it has.
func TestWrittenHeader(t *testing.T) {
	p, b, name := built(t, "gpt")
	ok(t, create(t, b, p, name+"1", "none", mib))
	ok(t, create(t, b, p, name+"2", "none", mib))
	header := append([]byte("LUKS\xba\xbe\x00\x01"), make([]byte, 4096)...)
	ok(t, os.WriteFile("/dev/"+name+"1", header, 0))
	err := b.Resize(t.Context(), p, name+"1", 2*mib, backend.ResizeOptions{})
	refused[*backend.StateError](t, "grow", err, "0 bytes are free after it: it can grow to at most 0")
}

// TestUnread lists a partition that the kernel does not have, and removes one that the table does not have.
func TestUnread(t *testing.T) {
	p, b, name := built(t, "gpt")
	disk := p.Source.Devices[0].Path
	ok(t, create(t, b, p, name+"1", "none", mib))
	run(t, "delpart", disk, "1")
	v, err := b.Volume(t.Context(), p, name+"1")
	if err != nil || v.Err == nil || !strings.Contains(v.Err.Error(), "partprobe "+disk) ||
		v.Capacity.Bytes != mib {
		t.Errorf("got %+v, error %v", v, err)
	}
	run(t, "addpart", disk, "7", "2048", "2048") // in place of partition 2
	ok(t, create(t, b, p, name+"2", "none", mib))
	if text := listing(t, b, p); strings.Count(text, "loop0p") != 4 {
		t.Errorf("the kernel should have both partitions:\n%s", text)
	}
	run(t, "addpart", disk, "9", "40960", "2048")
	left, err := b.FindStale(t.Context(), p)
	ok(t, err)
	removed, err := b.RemoveStale(t.Context(), p)
	if err != nil || fmt.Sprint(removed) != "[/dev/"+name+"9]" || !slices.Equal(left, removed) {
		t.Errorf("removed %s, error %v", removed, err)
	}
}

// TestWholeDisk creates a partition where the kernel has SGI's whole-disk partition.
func TestWholeDisk(t *testing.T) {
	p, b, name := built(t, "dvh")
	disk := p.Source.Devices[0].Path
	ok(t, create(t, b, p, name+"1", "none", mib))
	run(t, "delpart", disk, "1") // addpart, unlike reading the label, cannot add overlapping partitions
	run(t, "delpart", disk, "9")
	run(t, "addpart", disk, "11", "0", "65536")
	ok(t, create(t, b, p, name+"2", "none", mib))
}

// TestSources finds a disk and its partitions by links.
func TestSources(t *testing.T) {
	p, b, name := built(t, "gpt")
	ok(t, create(t, b, p, name+"1", "none", mib))
	dir := "/dev/poolctl-test"
	ok(t, os.MkdirAll(dir, 0o755))
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	ok(t, os.Symlink("/dev/"+name+"1", dir+"/one"))
	ok(t, os.Symlink(p.Source.Devices[0].Path, dir+"/disk"))
	p.Source.Devices[0].Path, p.Target.Path = dir+"/disk", dir
	v, err := b.Volume(t.Context(), p, name+"1")
	if err != nil || v.Key != dir+"/one" || v.Target.Path != dir+"/one" || v.Name != name+"1" {
		t.Errorf("got %+v, error %v", v, err)
	}
	for _, path := range []string{dir + "/one", "/dev/" + name + "1"} {
		if found, ok := b.Locate(t.Context(), p, path); found != name+"1" || !ok {
			t.Errorf("Locate(%s) = %q, %v", path, found, ok)
		}
	}
	p.Source.Devices[0].Path = "/dev/" + name + "1"
	if err := b.Build(t.Context(), p, backend.BuildOptions{Overwrite: true}); err == nil ||
		!strings.Contains(err.Error(), "is a partition") {
		t.Errorf("a partition in place of a disk: error %v", err)
	}
}

// TestGone queries a disk that was removed.
func TestGone(t *testing.T) {
	p, b, _ := built(t, "gpt")
	p.Source.Devices[0].Path = "/dev/loop99"
	if _, err := os.Stat("/dev/loop99"); err != nil {
		run(t, "mknod", "/dev/loop99", "b", "7", "99")
		t.Cleanup(func() { run(t, "rm", "/dev/loop99") })
	}
	if active, err := b.Active(t.Context(), p); active || err != nil {
		t.Errorf("active: %v, error %v", active, err)
	}
}

// TestMapped partitions a device-mapper disk, such as a multipath device.
func TestMapped(t *testing.T) {
	backendtest.NeedsLab(t, "device-mapper")
	run(t, "modprobe", "-a", "loop", "dm-mod")
	disk := backendtest.Loop(t, 64)
	run(t, "dmsetup", "create", "--table", fmt.Sprintf("0 %d linear %s 0", 64*mib/512, disk), "mpatha")
	t.Cleanup(func() { run(t, "dmsetup", "remove", "mpatha") })
	p, b := poolOn("/dev/mapper/mpatha", "gpt"), newBackend()
	ok(t, b.Build(t.Context(), p, backend.BuildOptions{}))
	for n := 1; n < 3; n++ {
		ok(t, create(t, b, p, fmt.Sprint("mpatha", n), "none", mib))
	}
	ok(t, b.Resize(t.Context(), p, "mpatha2", 3*mib, backend.ResizeOptions{}))
	equals(t, "mapped.golden", listing(t, b, p))
	if table := run(t, "dmsetup", "table", "mpatha2"); !strings.Contains(table, "0 6144 linear") {
		t.Errorf("kernel state: %s", table)
	}
	below := poolOn(disk, "gpt")
	refused[*backend.BusyError](
		t, "below another disk", create(t, b, below, filepath.Base(disk)+"p3", "none", mib), "held by dm-",
	)
	refused[*backend.BusyError](
		t, "with partitions", b.Build(t.Context(), p, backend.BuildOptions{Overwrite: true}), "mpatha1",
	)
	for n := 2; n > 0; n-- {
		ok(t, b.Delete(t.Context(), p, fmt.Sprint("mpatha", n)))
	}
	ok(t, b.DeletePool(t.Context(), p))
}

// TestUdev uses a SCSI disk by udev's links, until the disk is removed.
func TestUdev(t *testing.T) {
	backendtest.NeedsLab(t, "SCSI disks")
	run(t, "modprobe", "scsi_debug", "dev_size_mb=64")
	run(t, "udevadm", "settle")
	links, err := filepath.Glob("/dev/disk/by-id/scsi-*")
	ok(t, err)
	p, b := poolOn(links[0], "dos"), newBackend()
	p.Target.Path = "/dev/disk/by-id"
	ok(t, b.Build(t.Context(), p, backend.BuildOptions{}))
	disk, err := filepath.EvalSymlinks(links[0])
	ok(t, err)
	name := filepath.Base(disk)
	for n := 1; n < 4; n++ {
		ok(t, create(t, b, p, fmt.Sprint(name, n), "none", mib))
		v, err := b.Volume(t.Context(), p, fmt.Sprint(name, n))
		ok(t, err)
		if mode := v.Target.Permissions.Mode; v.Err != nil || !strings.HasSuffix(v.Key, fmt.Sprint("-part", n)) ||
			mode == nil || *mode != 0o660 {
			t.Errorf("got %+v", v)
		}
	}
	ok(t, b.Resize(t.Context(), p, name+"3", 2*mib, backend.ResizeOptions{}))
	ok(t, b.Delete(t.Context(), p, name+"2"))
	run(t, "sh", "-c", "echo 1 >/sys/block/"+name+"/device/delete")
	if active, err := b.Active(t.Context(), p); active || err != nil {
		t.Errorf("pulled out, active: %v, error %v", active, err)
	}
	if _, err := b.Space(t.Context(), p); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("pulled out: space, error %v", err)
	}
}

// TestStrays checks that partitions within partitions, such as BSD slices, are not strays.
func TestStrays(t *testing.T) {
	table := &table{
		partitions: []partition{{number: 1, start: mib, end: 9 * mib, kind: primary},
			{number: 2, start: 10 * mib, end: 20 * mib, kind: extended}},
	}
	left := kernelPartition{7, 12 * mib, 13 * mib}
	kernel := []kernelPartition{{1, mib, 9 * mib}, {5, mib, 4 * mib}, {6, 4 * mib, 9 * mib}, left}
	if got := table.strayPartitions(kernel); !slices.Equal(got, []kernelPartition{left}) {
		t.Errorf("got %+v", got)
	}
}
