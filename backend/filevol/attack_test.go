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

// attacker is a script that replaces whatever appears in the pool by links to the victim's directory and
// files, as fast as possible.
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

// TestAttack creates volumes as root in a pool whose owner tries to make root write elsewhere. Creating a
// volume may fail, but the targets of the links must not change.
func TestAttack(t *testing.T) {
	if os.Geteuid() != 0 {
		backendtest.NotRun(t, "attacks on root: they need root")
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
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4711, Gid: 4711},
		Setpgid: true}
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
		_, _ = here.RemoveStale(t.Context(), p)
		if after := backendtest.Tree(t, victim); after != before {
			t.Fatalf("victim before\n%s\nafter\n%s", before, after)
		}
	}
	t.Logf("the attacker prevented %d of 150 volumes", failed)
}
