package fs

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// started returns a pool that is built and mounted until the test ends.
func started(t *testing.T, format string) (*Backend, *pooldef.Pool) {
	t.Helper()
	b, p := New(&host.Local{}, nil), newPool(t, format)
	for _, err := range []error{b.Build(t.Context(), p, backend.BuildOptions{NoOverwrite: true}), b.Start(t.Context(), p)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { // the test's context has ended
		if m, _ := b.Host.MountAt(p.Target.Path); m != nil {
			backendtest.Change(t, host.Cmd("umount", p.Target.Path))
		}
	})
	return b, p
}

// busy checks that an error tells who uses something.
func busy(t *testing.T, err error, who string) {
	t.Helper()
	e := (*backend.BusyError)(nil)
	if !errors.As(err, &e) || !strings.Contains(err.Error(), who) {
		t.Errorf("want a BusyError that names %s, got %v", who, err)
	}
}

func isActive(t *testing.T, b *Backend, p *pooldef.Pool, want bool) {
	t.Helper()
	if active, err := b.Active(t.Context(), p); active != want || err != nil {
		t.Errorf("active is %v, error %v", active, err)
	}
}

// TestBusyStop has others use what is to be unmounted.
func TestBusyStop(t *testing.T) {
	b, p := started(t, "ext4")
	dir := p.Target.Path
	stop := func(who string) { t.Helper(); busy(t, b.Stop(t.Context(), p), who); isActive(t, b, p, true) }
	f, err := os.Create(dir + "/disk")
	if err != nil || f.Truncate(1<<20) != nil {
		t.Fatal(err)
	}
	stop(fmt.Sprintf("process %d (", os.Getpid()))
	f.Close()
	cmd := exec.Command("sleep", "infinity")
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop(fmt.Sprintf("process %d (sleep)", cmd.Process.Pid))
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	out, err := b.Host.Query(t.Context(), host.Cmd("losetup", "--find", "--show", dir+"/disk"))
	if err != nil {
		t.Fatal(err)
	}
	loop := strings.TrimSpace(string(out))
	stop("held by " + strings.TrimPrefix(loop, "/dev/"))
	backendtest.Change(t, host.Cmd("losetup", "--detach", loop), host.Mkdir{Path: dir + "/sub", Mode: 0o755},
		host.Cmd("mount", "-t", "tmpfs", "x", dir+"/sub"))
	stop(fmt.Sprintf("mounted at %q", dir+"/sub"))
	backendtest.Change(t, host.Cmd("umount", dir+"/sub"))
	if err := b.Stop(t.Context(), p); err != nil {
		t.Error(err)
	}
	isActive(t, b, p, false)
}

// TestSpellings has the device mounted by somebody else and named in other ways.
func TestSpellings(t *testing.T) {
	for _, format := range []string{"ext4", "btrfs"} {
		b, p := started(t, format)
		device := p.Source.Devices[0].Path
		link := t.TempDir() + "/by-id"
		found, err := host.Signatures(t.Context(), b.Host, device)
		if err != nil || len(found) == 0 {
			t.Fatal(found, err)
		}
		backendtest.Change(t, host.Symlink{Target: device, Link: link}, host.Cmd("umount", p.Target.Path))
		backendtest.Change(t, host.Cmd("mount", link, p.Target.Path))
		for _, name := range []string{device, link, "UUID=" + found[0].UUID} {
			p.Source.Devices[0].Path = name
			isActive(t, b, p, true)
		}
		backendtest.Change(t, host.Symlink{Target: p.Target.Path, Link: link + "2"})
		p.Target.Path = link + "2"
		isActive(t, b, p, true)
		if err := b.Stop(t.Context(), p); err != nil {
			t.Error(err)
		}
		isActive(t, b, p, false)
	}
}

// TestOthersMount has another file system at the pool's place.
func TestOthersMount(t *testing.T) {
	b, p := started(t, "ext4")
	before := snapshot(t, p)
	other := *p
	other.Source.Devices = []pooldef.Device{{Path: backendtest.Loop(t, 16)}}
	backendtest.Change(t, host.Cmd("mkfs.ext4", "-q", other.Source.Devices[0].Path))
	isActive(t, b, &other, false)
	who := fmt.Sprintf("%q is mounted there", p.Source.Devices[0].Path)
	_, err := b.Space(t.Context(), &other)
	busy(t, err, who)
	busy(t, b.Start(t.Context(), &other), who)
	busy(t, b.Stop(t.Context(), &other), who)
	busy(t, b.Build(t.Context(), &other, backend.BuildOptions{Overwrite: true}), who)
	busy(t, b.DeletePool(t.Context(), &other), who)
	if after := snapshot(t, p); after != before {
		t.Errorf("there was\n%s\nthere is\n%s", before, after)
	}
}

// TestOverwriteInUse has a device that is to be formatted in use, as another pool's.
func TestOverwriteInUse(t *testing.T) {
	b, p := started(t, "ext4")
	used := *p
	used.Target.Path = t.TempDir() + "/new"
	for _, o := range []backend.BuildOptions{{Overwrite: true}, {NoOverwrite: true}} {
		busy(t, b.Build(t.Context(), &used, o), fmt.Sprintf("mounted at %q", p.Target.Path))
	}
	if _, err := os.Stat(used.Target.Path); !errors.Is(err, iofs.ErrNotExist) {
		t.Error("the directory was made")
	}
}

// TestHolds has devices that hold something else than a file system.
func TestHolds(t *testing.T) {
	b, p := New(&host.Local{}, nil), newPool(t, "ext4")
	device := p.Source.Devices[0].Path
	for holds, make := range map[string]host.Command{
		"swap": host.Cmd("mkswap", device), "dos": host.Cmd("parted", "--script", "--", device, "mklabel", "msdos"),
		"gpt":                            host.Cmd("parted", "--script", "--", device, "mklabel", "gpt"),
		"data that wipefs does not know": host.Cmd("parted", "--script", "--", device, "mklabel", "bsd"),
	} {
		backendtest.Change(t, make)
		content := (*backend.ContentError)(nil)
		err := b.Build(t.Context(), p, backend.BuildOptions{NoOverwrite: true})
		if !errors.As(err, &content) || !strings.Contains(err.Error(), holds) {
			t.Errorf("%s: error %v", holds, err)
		}
		if err := b.Build(t.Context(), p, backend.BuildOptions{Overwrite: true}); err != nil {
			t.Error(err)
		}
		if found, err := host.Signatures(t.Context(), b.Host, device); host.Words(found) != "ext4" {
			t.Errorf("over %s was made %+v, error %v", holds, found, err)
		}
	}
}

// TestNoDevice has sources that are not there, or are no devices.
func TestNoDevice(t *testing.T) {
	b, p := New(&host.Local{}, nil), newPool(t, "ext4")
	for name, missing := range map[string]bool{
		"/dev/no such": true, "UUID=00000000-0000-4000-8000-00000000dead": true, "LABEL=no 'such": true, "/dev/null": false, "-x": false,
	} {
		p.Source.Devices[0].Path = name
		for _, err := range []error{
			b.Build(t.Context(), p, backend.BuildOptions{Overwrite: true}), b.Start(t.Context(), p),
		} {
			if err == nil || errors.Is(err, iofs.ErrNotExist) != missing {
				t.Errorf("%s: error %v", name, err)
			}
		}
		isActive(t, b, p, false)
	}
	p.Source.Devices = append(p.Source.Devices, p.Source.Devices[0])
	if err := b.Start(t.Context(), p); err == nil || !strings.Contains(err.Error(), "2 devices") {
		t.Error(err)
	}
}

// TestDeviceGone has a device disappear under a mounted file system. (Its name does; a loop device stays while it is mounted.)
func TestDeviceGone(t *testing.T) {
	b, p := started(t, "ext4")
	link := t.TempDir() + "/disk"
	backendtest.Change(t, host.Cmd("umount", p.Target.Path), host.Cmd("mknod", link, "b", "7", strings.TrimPrefix(p.Source.Devices[0].Path, "/dev/loop")),
		host.Cmd("mount", link, p.Target.Path), host.Unlink{Path: link})
	p.Source.Devices[0].Path = link
	isActive(t, b, p, true)
	if err := b.Stop(t.Context(), p); err != nil {
		t.Error(err)
	}
	isActive(t, b, p, false)
}

// TestMovedLabel has a label that a disk had that has just gone: no cache may say that it still does.
func TestMovedLabel(t *testing.T) {
	p, b := newPool(t, "ext4"), New(&host.Local{}, nil)
	device, label := p.Source.Devices[0].Path, fmt.Sprintf("moved %d", os.Getpid()%100000)
	p.Source.Devices[0].Path = "LABEL=" + label
	t.Run("before", func(t *testing.T) {
		old := backendtest.Loop(t, 64)
		backendtest.Change(t, host.Cmd("mkfs.ext4", "-q", "-L", label, old))
		if found, err := b.device(t.Context(), p); found != old || err != nil {
			t.Errorf("the label is on %s, found is %s, error %v", old, found, err)
		}
	})
	backendtest.Change(t, host.Cmd("mkfs.ext4", "-q", "-L", label, device))
	if found, err := b.device(t.Context(), p); found != device || err != nil {
		t.Errorf("the label is on %s, found is %s, error %v", device, found, err)
	}
}
