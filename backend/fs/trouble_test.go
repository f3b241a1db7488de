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

// startPool returns a pool that is built and mounted until the test ends.
func startPool(t *testing.T, format string) (*Backend, *pooldef.Pool) {
	t.Helper()
	b, p := New(&host.Local{}, nil), newPool(t, format)
	for _, err := range []error{b.Build(t.Context(), p, backend.BuildOptions{NoOverwrite: true}),
		b.Start(t.Context(), p)} {
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

// checkBusy checks that an error is a BusyError that names the user.
func checkBusy(t *testing.T, err error, who string) {
	t.Helper()
	if _, ok := errors.AsType[*backend.BusyError](err); !ok || !strings.Contains(err.Error(), who) {
		t.Errorf("want a BusyError that names %s, got %v", who, err)
	}
}

func checkActive(t *testing.T, b *Backend, p *pooldef.Pool, want bool) {
	t.Helper()
	if active, err := b.Active(t.Context(), p); active != want || err != nil {
		t.Errorf("got active %v, error %v", active, err)
	}
}

// TestBusyStop stops a pool while others use its mount.
func TestBusyStop(t *testing.T) {
	b, p := startPool(t, "ext4")
	dir := p.Target.Path
	stop := func(who string) {
		t.Helper()
		checkBusy(t, b.Stop(t.Context(), p), who)
		checkActive(t, b, p, true)
	}
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
	checkActive(t, b, p, false)
}

// TestSpellings mounts the device outside poolctl, under several names of the device.
func TestSpellings(t *testing.T) {
	for _, format := range []string{"ext4", "btrfs"} {
		b, p := startPool(t, format)
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
			checkActive(t, b, p, true)
		}
		backendtest.Change(t, host.Symlink{Target: p.Target.Path, Link: link + "2"})
		p.Target.Path = link + "2"
		checkActive(t, b, p, true)
		if err := b.Stop(t.Context(), p); err != nil {
			t.Error(err)
		}
		checkActive(t, b, p, false)
	}
}

// TestOthersMount has another file system mounted at the pool's directory.
func TestOthersMount(t *testing.T) {
	b, p := startPool(t, "ext4")
	before := snapshot(t, p)
	other := *p
	other.Source.Devices = []pooldef.Device{{Path: backendtest.Loop(t, 16)}}
	backendtest.Change(t, host.Cmd("mkfs.ext4", "-q", other.Source.Devices[0].Path))
	checkActive(t, b, &other, false)
	who := fmt.Sprintf("%q is mounted there", p.Source.Devices[0].Path)
	_, err := b.Space(t.Context(), &other)
	checkBusy(t, err, who)
	checkBusy(t, b.Start(t.Context(), &other), who)
	checkBusy(t, b.Stop(t.Context(), &other), who)
	checkBusy(t, b.Build(t.Context(), &other, backend.BuildOptions{Overwrite: true}), who)
	checkBusy(t, b.DeletePool(t.Context(), &other), who)
	if after := snapshot(t, p); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
}

// TestOverwriteInUse formats a device that another pool uses.
func TestOverwriteInUse(t *testing.T) {
	b, p := startPool(t, "ext4")
	used := *p
	used.Target.Path = t.TempDir() + "/new"
	for _, o := range []backend.BuildOptions{{Overwrite: true}, {NoOverwrite: true}} {
		checkBusy(t, b.Build(t.Context(), &used, o), fmt.Sprintf("mounted at %q", p.Target.Path))
	}
	if _, err := os.Stat(used.Target.Path); !errors.Is(err, iofs.ErrNotExist) {
		t.Error("the directory was created")
	}
}

// TestHolds builds on devices with content other than a file system.
func TestHolds(t *testing.T) {
	b, p := New(&host.Local{}, nil), newPool(t, "ext4")
	device := p.Source.Devices[0].Path
	for holds, format := range map[string]host.Command{
		"swap": host.Cmd("mkswap", device), "dos": host.Cmd("parted", "--script", "--", device, "mklabel", "msdos"),
		"gpt":                    host.Cmd("parted", "--script", "--", device, "mklabel", "gpt"),
		"data unknown to wipefs": host.Cmd("parted", "--script", "--", device, "mklabel", "bsd"),
	} {
		backendtest.Change(t, format)
		content := (*backend.ContentError)(nil)
		err := b.Build(t.Context(), p, backend.BuildOptions{NoOverwrite: true})
		if !errors.As(err, &content) || !strings.Contains(err.Error(), holds) {
			t.Errorf("%s: error %v", holds, err)
		}
		if err := b.Build(t.Context(), p, backend.BuildOptions{Overwrite: true}); err != nil {
			t.Error(err)
		}
		if found, err := host.Signatures(t.Context(), b.Host, device); host.Words(found) != "ext4" {
			t.Errorf("formatted over %s: got %+v, error %v", holds, found, err)
		}
	}
}

// TestNoDevice uses sources that do not exist or are no devices.
func TestNoDevice(t *testing.T) {
	b, p := New(&host.Local{}, nil), newPool(t, "ext4")
	for name, missing := range map[string]bool{
		"/dev/no such": true, "UUID=00000000-0000-4000-8000-00000000dead": true, "LABEL=no 'such": true,
		"/dev/null": false, "-x": false,
	} {
		p.Source.Devices[0].Path = name
		for _, err := range []error{
			b.Build(t.Context(), p, backend.BuildOptions{Overwrite: true}), b.Start(t.Context(), p),
		} {
			if err == nil || errors.Is(err, iofs.ErrNotExist) != missing {
				t.Errorf("%s: error %v", name, err)
			}
		}
		checkActive(t, b, p, false)
	}
	p.Source.Devices = append(p.Source.Devices, p.Source.Devices[0])
	if err := b.Start(t.Context(), p); err == nil || !strings.Contains(err.Error(), "2 devices") {
		t.Error(err)
	}
}

// TestDeviceGone removes the device node below a mounted file system. (The loop device itself stays while it
// is mounted.)
func TestDeviceGone(t *testing.T) {
	b, p := startPool(t, "ext4")
	link := t.TempDir() + "/disk"
	backendtest.Change(t, host.Cmd("umount", p.Target.Path),
		host.Cmd("mknod", link, "b", "7", strings.TrimPrefix(p.Source.Devices[0].Path, "/dev/loop")),
		host.Cmd("mount", link, p.Target.Path), host.Unlink{Path: link})
	p.Source.Devices[0].Path = link
	checkActive(t, b, p, true)
	if err := b.Stop(t.Context(), p); err != nil {
		t.Error(err)
	}
	checkActive(t, b, p, false)
}

// TestMovedLabel moves a label to another disk. No cache may return the old disk.
func TestMovedLabel(t *testing.T) {
	p, b := newPool(t, "ext4"), New(&host.Local{}, nil)
	device, label := p.Source.Devices[0].Path, fmt.Sprintf("moved %d", os.Getpid()%100000)
	p.Source.Devices[0].Path = "LABEL=" + label
	t.Run("before", func(t *testing.T) {
		old := backendtest.Loop(t, 64)
		backendtest.Change(t, host.Cmd("mkfs.ext4", "-q", "-L", label, old))
		if found, err := b.device(t.Context(), p); found != old || err != nil {
			t.Errorf("want the device %s, got %s, error %v", old, found, err)
		}
	})
	backendtest.Change(t, host.Cmd("mkfs.ext4", "-q", "-L", label, device))
	if found, err := b.device(t.Context(), p); found != device || err != nil {
		t.Errorf("want the device %s, got %s, error %v", device, found, err)
	}
}
