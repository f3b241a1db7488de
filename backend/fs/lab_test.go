package fs

import (
	"errors"
	iofs "io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// needsTool skips a test if a program is not installed.
func needsTool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		backendtest.NotRun(t, "what "+name+" makes")
	}
}

// TestFormats builds, starts, uses and stops a pool of each format that poolctl can create, on a kernel that
// supports them all.
func TestFormats(t *testing.T) {
	backendtest.NeedsLab(t, "the formats that few kernels have")
	backendtest.Change(t, host.Cmd("modprobe", "loop"))
	for format := range formatters {
		t.Run(format, func(t *testing.T) {
			needsTool(t, formatters[format].tool)
			backendtest.Change(t, host.Cmd("modprobe", format))
			b, p := startPool(t, format)
			checkActive(t, b, p, true)
			if err := os.WriteFile(p.Target.Path+"/file", []byte("data"), 0o600); err != nil {
				t.Error(err)
			}
			if space, err := b.Space(t.Context(), p); err != nil || space.Capacity == 0 {
				t.Errorf("%+v, error %v", space, err)
			}
			if err := b.Stop(t.Context(), p); err != nil {
				t.Error(err)
			}
			if err := b.Build(t.Context(), p, backend.BuildOptions{Overwrite: true}); err != nil {
				t.Errorf("second build: %v", err)
			}
		})
	}
}

// TestImages starts pools on file systems that other programs created, of formats without an mkfs.
func TestImages(t *testing.T) {
	backendtest.NeedsLab(t, "the formats that few kernels have")
	backendtest.Change(t, host.Cmd("modprobe", "loop"))
	for format, script := range map[string]string{
		"iso9660": `genisoimage -quiet -R -o "$2" "$1"`,
		"hfs+":    `xorriso -as mkisofs -hfsplus -o "$2" "$1"`,
		"ufs":     `makefs -t ffs -s 64m "$2" "$1"`,
	} {
		t.Run(format, func(t *testing.T) {
			needsTool(t, strings.Fields(script)[0])
			p, b := newPool(t, format), New(&host.Local{}, nil)
			source := t.TempDir()
			image := t.TempDir() + "/image"
			module := map[string]string{"iso9660": "isofs", "hfs+": "hfsplus", "ufs": "ufs"}[format]
			backendtest.Change(t, host.WriteFile{Path: source + "/hello", Data: []byte("hello")},
				host.Cmd("modprobe", module),
				host.Cmd("sh", "-c", script, "sh", source, image),
				host.Cmd("dd", "if="+image, "of="+p.Source.Devices[0].Path, "bs=1M", "conv=notrunc"))
			if format == "ufs" {
				p.MountOptions = []string{"ro", "ufstype=44bsd"}
			}
			for _, err := range []error{b.Build(t.Context(), p, backend.BuildOptions{}),
				b.Start(t.Context(), p)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			if data, err := os.ReadFile(p.Target.Path + "/hello"); string(data) != "hello" {
				t.Error(data, err)
			}
			if err := b.Stop(t.Context(), p); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestUnreadable uses a device that returns only errors. It must not count as empty.
func TestUnreadable(t *testing.T) {
	backendtest.NeedsLab(t, "a device with errors")
	backendtest.Change(t, host.Cmd("modprobe", "-a", "loop", "dm-mod"))
	p, b := newPool(t, "ext4"), New(&host.Local{}, nil)
	table := t.TempDir() + "/table"
	backendtest.Change(t, host.WriteFile{Path: table, Data: []byte("0 131072 error\n")},
		host.Cmd("dmsetup", "create", "unreadable", table))
	t.Cleanup(func() { backendtest.Change(t, host.Cmd("dmsetup", "remove", "unreadable")) })
	p.Source.Devices[0].Path = "/dev/mapper/unreadable"
	for _, o := range []backend.BuildOptions{{NoOverwrite: true}, {Overwrite: true}} {
		if err := b.Build(t.Context(), p, o); !errors.Is(err, syscall.EIO) {
			t.Errorf("built: error %v", err)
		}
	}
	backendtest.Change(t, host.Mkdir{Path: p.Target.Path, Mode: 0o755})
	if err := b.Start(t.Context(), p); err == nil || errors.As(err, new(*backend.ContentError)) {
		t.Errorf("started: error %v", err)
	}
}

// TestGone removes the device below a pool. The data are lost, but stopping the pool must work.
func TestGone(t *testing.T) {
	backendtest.NeedsLab(t, "a disk that goes")
	backendtest.Change(t, host.Cmd("modprobe", "loop"), host.Cmd("modprobe", "scsi_debug", "dev_size_mb=64"),
		host.Cmd("udevadm", "settle"))
	disks, err := filepath.Glob("/sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*/block/*")
	if err != nil || len(disks) != 1 {
		t.Fatal(disks, err)
	}
	p, b := newPool(t, "ext4"), New(&host.Local{}, nil)
	p.Source.Devices[0].Path = "/dev/" + filepath.Base(disks[0])
	for _, err := range []error{
		b.Build(t.Context(), p, backend.BuildOptions{NoOverwrite: true}), b.Start(t.Context(), p),
		os.WriteFile(disks[0]+"/device/delete", []byte("1"), 0),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	checkActive(t, b, p, true)
	volume := &pooldef.Volume{Name: "v", Capacity: pooldef.Bytes(1 << 20),
		Target: pooldef.VolumeTarget{Format: "raw"}}
	if err := b.Create(t.Context(), p, volume, backend.CreateOptions{}); err == nil {
		t.Error("creating a volume on a removed disk succeeded")
	}
	if err := b.Stop(t.Context(), p); err != nil {
		t.Error(err)
	}
	checkActive(t, b, p, false)
	if err := b.Start(t.Context(), p); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("started: error %v", err)
	}
}
