package disk

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/driver/drivertest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

func TestMain(m *testing.M) { backendtest.Main(m) }

const mib = 1 << 20

// newPool returns a pool on an empty disk of 64 MiB. The disk is a loop device, which the kernel partitions
// like any other disk.
func newPool(t *testing.T, format string) *pooldef.Pool {
	t.Helper()
	disk := backendtest.Loop(t, 64)
	t.Setenv(aliasVariable, t.TempDir())
	t.Cleanup(func() { clearTable(t, disk) })
	return poolOn(disk, format)
}

func poolOn(device, format string) *pooldef.Pool {
	return &pooldef.Pool{
		Type:   pooldef.Disk,
		Name:   "pool",
		Source: pooldef.Source{Devices: []pooldef.Device{{Path: device}}, Format: format},
		Target: pooldef.Target{Path: "/dev"},
	}
}

// clearTable empties a disk, and removes its partitions from the kernel.
func clearTable(t *testing.T, disk string) {
	t.Helper()
	b := newBackend()
	d, err := b.device(poolOn(disk, "gpt"))
	ok(t, err)
	ok(t, b.clear(context.Background(), d))
	host.Settle(context.Background(), b.Host)
}

// run runs a command that must succeed, and returns its output.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := new(host.Local).Query(context.Background(), host.Cmd(name, args...))
	ok(t, err)
	return string(out)
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newBackend() *Backend { return New(&host.Local{}, nil, time.Minute) }

func volume(name string, size uint64) *pooldef.Volume {
	return &pooldef.Volume{
		Name: name, Capacity: pooldef.Bytes(size), Target: pooldef.VolumeTarget{Format: "none"},
	}
}

// options returns the suite's options for a pool of plain partitions.
func options(format string) backendtest.Options {
	return backendtest.Options{
		New: func(h host.Host) backend.Backend {
			return &aliasBackend{New(h, backendtest.Secrets{"one": "a passphrase"}, time.Minute)}
		},
		Pool:       func(t *testing.T) *pooldef.Pool { return newPool(t, format) },
		Build:      backend.BuildOptions{Overwrite: true}, // a failed removal may leave data
		Volume:     volume,
		Slow:       true,
		Move:       drivertest.Move,
		Sizes:      []uint64{mib, 1, 512, mib + 1, 3 * mib},
		Unit:       mib,
		Passphrase: "one",
		Snapshot:   func(t *testing.T, p *pooldef.Pool) string { return snapshot(t, p.Source.Devices[0].Path) },
		Refused:    []string{"", ".", "..", "-x", "a b", "sda", "loop", "p1"},
		Unsupported: []*pooldef.Volume{
			{Name: "x", Capacity: pooldef.Bytes(mib), Backing: &pooldef.VolumeTarget{Path: "/dev/x"}},
		},
	}
}

// snapshot returns a disk's table, the kernel's partitions, and their content as text.
func snapshot(t testing.TB, disk string) string {
	t.Helper()
	out, _ := new(host.Local).Query(
		context.Background(), host.Cmd("parted", "--script", "--machine", "--", disk, "unit", "B", "print"),
	)
	text := string(out)
	for line := range strings.Lines(run(t, "cat", "/proc/partitions")) {
		fields := strings.Fields(line)
		if len(fields) != 4 || "/dev/"+fields[3] != disk && !strings.HasPrefix("/dev/"+fields[3], disk+"p") {
			continue // also /dev/loop10, beside the disk /dev/loop1
		}
		f, err := os.Open("/dev/" + fields[3])
		if err != nil {
			text += fmt.Sprintln(fields[3], err)
			continue
		}
		data, _ := io.ReadAll(io.LimitReader(f, 64<<10))
		f.Close()
		if "/dev/"+fields[3] == disk {
			data = nil
		}
		text += fmt.Sprintf("%s %s %.8x\n", fields[3], fields[2], sha256.Sum256(data))
	}
	return text
}

func TestConformance(t *testing.T) {
	t.Run("gpt", func(t *testing.T) { backendtest.Run(t, options("gpt")) })
	t.Run("dos", func(t *testing.T) {
		o := options("dos")
		o.Elsewhere = backendtest.Because("gpt has it",
			slices.Concat(backendtest.Faults, backendtest.Requests, []string{"Moving"})...)
		o.Cannot = backendtest.Because("there are four primary partitions at most", "Listing", "Together")
		backendtest.Run(t, o)
	})
}
