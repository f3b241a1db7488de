package filevol

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
)

// attacker exchanges whatever appears in the pool for links to the victim's directory and files, as fast as it can.
const attacker = `
cd "$POOL" || exit 1
while :; do
	for d in .poolctl-*; do
		mv "$d" "moved$$.$n" 2>/dev/null && ln -s "$VICTIM" "$d" 2>/dev/null
		n=$((n+1))
	done
	ln -sf "$VICTIM/v" "moved$$.$n/v" 2>/dev/null
	rm -f .poolctl-*
done 2>/dev/null`

// TestAttack makes volumes as root in a pool that belongs to somebody who would have root write elsewhere. They may fail, but
// nothing may happen where the links lead.
func TestAttack(t *testing.T) {
	if os.Geteuid() != 0 {
		backendtest.NotRun(t, "attacks on root: it needs root")
	}
	p, victim := newPool(t), t.TempDir()
	for _, name := range []string{"v", "secret"} {
		write(t, poolIn(victim), name, "the victim's")
	}
	ok(t, os.Chmod(filepath.Dir(p.Target.Path), 0o755))
	ok(t, os.Chown(p.Target.Path, 4711, 4711))
	before := backendtest.Tree(t, victim)
	cmd := exec.Command("sh", "-c", attacker)
	cmd.Env = append(os.Environ(), "POOL="+p.Target.Path, "VICTIM="+victim)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4711, Gid: 4711}, Setpgid: true}
	ok(t, cmd.Start())
	defer func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); _ = cmd.Wait() }()
	failed := 0
	for n := range 150 {
		v := rawVolume("v", 1<<20)
		v.Target.Format = []string{"raw", "dir", "qcow2"}[n%3]
		v.Target.Permissions = permissionsOf(0o666, 4711, 4711)
		if here.Create(t.Context(), p, v, backend.CreateOptions{}) != nil {
			failed++
		}
		_ = here.Delete(t.Context(), p, "v")
		_, _ = here.Sweep(t.Context(), p)
		if after := backendtest.Tree(t, victim); after != before {
			t.Fatalf("the victim had\n%s, has\n%s", before, after)
		}
	}
	t.Logf("the attacker kept us from making %d volumes of 150", failed)
}
