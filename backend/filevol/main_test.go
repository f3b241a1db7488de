package filevol

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
	"poolctl/pooldef"
)

func TestMain(m *testing.M) { backendtest.Main(m) }

var here = Files{Host: &host.Local{}}

// anything is a backend.MayRead that permits every backing file.
func anything(string, *safeopen.Handle) error { return nil }

// poolIn returns a pool of files in a directory.
func poolIn(dir string) *pooldef.Pool {
	return &pooldef.Pool{Type: pooldef.Dir, Name: "pool", Target: pooldef.Target{Path: dir}}
}

// newPool returns a pool with an existing, empty directory.
func newPool(t testing.TB) *pooldef.Pool { return poolIn(t.TempDir()) }

// rawVolume defines a sparse raw volume.
func rawVolume(name string, size uint64) *pooldef.Volume {
	return &pooldef.Volume{Name: name, Capacity: pooldef.Bytes(size), Allocation: pooldef.Bytes(0),
		Target: pooldef.VolumeTarget{Format: "raw"}}
}

// write creates a file in a pool outside poolctl.
func write(t testing.TB, p *pooldef.Pool, name, text string) string {
	t.Helper()
	path := filepath.Join(p.Target.Path, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A brokenHost fails the changes that fails selects.
type brokenHost struct {
	host.Host
	fails func(host.Step) bool
}

var errBroken = errors.New("broken")

// Change implements host.Host.
func (b brokenHost) Change(ctx context.Context, s host.Step) error {
	if b.fails(s) {
		return errBroken
	}
	return b.Host.Change(ctx, s)
}

// runAsNobody reports whether the test runs as an ordinary user. If it runs as root, runAsNobody has run the
// calling test in a process of an ordinary user.
func runAsNobody(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() != 0 {
		return true
	}
	top := t.TempDir()
	for dir := top; dir != os.TempDir(); dir = filepath.Dir(dir) {
		ok(t, os.Chmod(dir, 0o777))
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "TMPDIR="+top)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("as an ordinary user: %v\n%s", err, out)
	}
	return false
}
