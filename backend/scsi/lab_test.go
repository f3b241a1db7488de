package scsi

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// newPool returns a pool of scsi_debug's units.
func newPool(t *testing.T, target string, options ...string) *pooldef.Pool {
	t.Helper()
	p := pool(named(backendtest.SCSIDebug(t, options...)[0]))
	p.Target.Path = target
	return p
}

// started returns a pool whose units can be used.
func started(t *testing.T, target string, options ...string) *pooldef.Pool {
	t.Helper()
	p := newPool(t, target, options...)
	ok(t, newBackend().Start(t.Context(), p))
	p.Started = true
	ok(t, newBackend().Refresh(t.Context(), p, far))
	return p
}

// far is a timeout that never expires in these tests.
const far = 5 * time.Minute

func newBackend() *Backend { return New(&host.Local{}, nil) }

func TestConformance(t *testing.T) {
	p := started(t, "/dev/disk/by-id", "dev_size_mb=16", "max_luns=3") // no test of the suite changes the pool
	p.Started = false
	backendtest.Run(t, backendtest.Options{
		New:      func(h host.Host) backend.Backend { return New(h, nil) },
		Pool:     func(t *testing.T) *pooldef.Pool { copied := *p; return &copied },
		Existing: 3,
		Cannot:   map[string]string{"KilledPool": "starting changes nothing that could be left half-done"},
		Snapshot: func(t *testing.T, p *pooldef.Pool) string {
			whole := *p
			whole.Started = true
			return list(t, &whole)
		},
	})
}

func list(t *testing.T, p *pooldef.Pool) string {
	t.Helper()
	var text strings.Builder
	for v, err := range newBackend().Details(t.Context(), p) {
		ok(t, err)
		fmt.Fprintln(&text, v.Name, v.Target.Path, v.Key, v.Capacity.Bytes, v.Err)
	}
	return text.String()
}

// TestIdentifiers compares keys with scsi_id(8), for every kind of unit that scsi_debug supports.
func TestIdentifiers(t *testing.T) {
	for _, options := range []string{
		"max_luns=2 uuid_ctl=1", "ptype=5 scsi_level=4", "vpd_use_hostno=0 sector_size=4096",
	} {
		p := started(t, "/dev", append(strings.Fields(options), "dev_size_mb=16")...)
		for v, err := range newBackend().Details(t.Context(), p) {
			ok(t, err)
			ok(t, v.Err)
			out, err := new(host.Local).Query(
				t.Context(),
				host.Cmd("/lib/udev/scsi_id", "--replace-whitespace", "--whitelisted", "--device", v.Target.Path),
			)
			if want := strings.TrimSpace(string(out)); err != nil || v.Key != want {
				t.Errorf("%s: %s has the key %q, scsi_id says %q, error %v", options, v.Name, v.Key, want, err)
			}
			if v.Capacity.Bytes != 16<<20 {
				t.Errorf("%s: %s has %d bytes", options, v.Name, v.Capacity.Bytes)
			}
		}
	}
}

// TestUnitsComeAndGo adds, removes and resizes units.
func TestUnitsComeAndGo(t *testing.T) {
	p := started(t, "/dev/disk/by-id", "dev_size_mb=16", "max_luns=1", "add_host=1", "virtual_gb=0")
	b := newBackend()
	count := func(want int, when string) {
		t.Helper()
		if text := list(t, p); strings.Count(text, "\n") != want {
			t.Errorf("%s: got\n%s", when, text)
		}
	}
	count(1, "at first")
	tell(t, "/sys/bus/pseudo/drivers/scsi_debug/max_luns", "3")
	ok(t, b.Refresh(t.Context(), p, far))
	count(3, "two more")
	tell(t, "/sys/bus/pseudo/drivers/scsi_debug/virtual_gb", "2")
	ok(t, b.Refresh(t.Context(), p, far))
	if text := list(t, p); strings.Count(text, " 2147483648 ") != 3 {
		t.Errorf("larger: got\n%s", text)
	}
	number := strings.TrimPrefix(p.Source.Adapter.Name, "host")
	tell(t, "/sys/bus/scsi/devices/"+number+":0:0:1/delete", "1")
	count(2, "one removed")
	tell(t, "/sys/bus/pseudo/drivers/scsi_debug/add_host", "-1")
	if active, err := b.Active(t.Context(), p); active || err != nil {
		t.Errorf("a missing host: active %v, error %v", active, err)
	}
	if _, err := b.Space(t.Context(), p); err == nil || !strings.Contains(err.Error(), "no SCSI host") {
		t.Errorf("a missing host: error %v", err)
	}
	ok(t, b.Stop(t.Context(), p))
}

func tell(t *testing.T, file, text string) {
	t.Helper()
	ok(t, os.WriteFile(file, []byte(text), 0))
}

// TestData transfers data of a unit, and checks that a unit in use is refused.
func TestData(t *testing.T) {
	p := started(t, "/dev/disk/by-id", "dev_size_mb=16", "max_luns=2", "per_host_store=1")
	b := newBackend()
	data := backendtest.Pattern(1<<20, 1)
	from := filepath.Join(t.TempDir(), "from")
	ok(t, os.WriteFile(from, data, 0o600))
	f, err := os.Open(from)
	ok(t, err)
	defer f.Close()
	ok(t, b.Upload(t.Context(), p, "unit:0:0:1", f, backend.Transfer{}))
	to, err := os.Create(filepath.Join(t.TempDir(), "to"))
	ok(t, err)
	defer to.Close()
	ok(t, b.Download(t.Context(), p, "unit:0:0:1", to, backend.Transfer{Length: 1 << 20}))
	if got, err := os.ReadFile(to.Name()); !bytes.Equal(got, data) || err != nil {
		t.Errorf("%d bytes, with other data; error %v", len(got), err)
	}
	ok(t, b.Wipe(t.Context(), p, "unit:0:0:1", "zero", nil))
	v, err := b.Volume(t.Context(), p, "unit:0:0:1")
	ok(t, err)
	if got, err := os.ReadFile(v.Target.Path); len(bytes.Trim(got, "\x00")) > 0 || len(got) != 16<<20 ||
		err != nil {
		t.Errorf("not wiped: %d bytes, error %v", len(got), err)
	}
	backendtest.Change(t, host.Cmd("mkfs.ext4", "-q", v.Target.Path))
	dir := backendtest.Mount(t, v.Target.Path)
	busy := (*host.InUseError)(nil)
	if err := b.Wipe(t.Context(), p, "unit:0:0:1", "zero", nil); !errors.As(err, &busy) {
		t.Errorf("mounted at %s: error %v", dir, err)
	}
}

// TestMany lists 200 units with sizes and identifiers, in a directory with four links for each, without
// running a program.
func TestMany(t *testing.T) {
	backendtest.NeedsLab(t, "SCSI units")
	// udev would take minutes for the units here
	backendtest.Change(t, host.Cmd("udevadm", "control", "--stop-exec-queue"))
	t.Cleanup(func() { backendtest.Change(t, host.Cmd("udevadm", "control", "--start-exec-queue")) })
	p := newPool(t, "/dev/disk/by-test", "dev_size_mb=8", "max_luns=200")
	p.Started = true
	last := "/dev/sd" + letters(199)
	backendtest.Eventually(t, "there is "+last, func() bool { return there(last) })
	ok(t, os.MkdirAll(p.Target.Path, 0o755))
	for i := range 200 {
		for _, kind := range []string{"ata", "scsi-1", "scsi-3", "wwn"} {
			device := fmt.Sprintf("../../sd%s", letters(i))
			ok(t, os.Symlink(device, filepath.Join(p.Target.Path, kind+strconv.Itoa(i))))
		}
	}
	var trace bytes.Buffer
	b := New(host.NewTrace(&host.Local{}, &trace), nil)
	begin, cpu := time.Now(), used(t)
	count := 0
	for v, err := range b.Details(t.Context(), p) {
		ok(t, err)
		ok(t, v.Err)
		if v.Key == v.Target.Path || v.Capacity.Bytes == 0 {
			t.Errorf("%+v", v)
		}
		count++
	}
	t.Logf("%d units in %v, of which it has worked %v", count, time.Since(begin), used(t)-cpu)
	if count != 200 || trace.Len() > 0 {
		t.Errorf("%d volumes; ran %s", count, trace.String())
	}
}

// used returns the processor time of this process.
func used(t *testing.T) time.Duration {
	t.Helper()
	var r syscall.Rusage
	ok(t, syscall.Getrusage(syscall.RUSAGE_SELF, &r))
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// letters returns the kernel's name suffix of the nth disk: a, ..., z, aa.
func letters(n int) string {
	if n < 26 {
		return string(rune('a' + n))
	}
	return letters(n/26-1) + string(rune('a'+n%26))
}
