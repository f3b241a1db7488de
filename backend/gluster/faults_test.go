package gluster

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// gluster runs gluster(8) on the cluster.
func gluster(t testing.TB, args ...string) {
	t.Helper()
	args = append([]string{"--glusterd-sock=" + needsCluster(t) + "/run/socket", "--log-file=/dev/null",
		"--mode=script"}, args...)
	if out, err := exec.Command("gluster", args...).CombinedOutput(); err != nil {
		t.Fatalf("gluster %s: %v: %s", args, err, out)
	}
}

// waitForBricks waits until all bricks of a volume run.
func waitForBricks(t testing.TB, volume string) {
	t.Helper()
	backendtest.Eventually(t, "the bricks of "+volume+" run", func() bool {
		out, _ := exec.Command("gluster", "--glusterd-sock="+needsCluster(t)+"/run/socket",
			"--log-file=/dev/null", "--xml", "volume", "status", volume).Output()
		return strings.Contains(string(out), "<status>1</status>") &&
			!strings.Contains(string(out), "<status>0</status>")
	})
}

// waitForClient waits until the tests' client has reconnected to restarted bricks, which it tries every three
// seconds.
func waitForClient(t testing.TB, volume string) {
	t.Helper()
	root := mounted(t, volume)
	backendtest.Eventually(t, "the client of "+volume+" has reconnected", func() bool {
		_, err := os.ReadDir(root)
		return err == nil
	})
}

func kill(t testing.TB, pid int) {
	t.Helper()
	ok(t, syscall.Kill(pid, syscall.SIGKILL))
}

// checkStateError checks that an error is a StateError or an UnreachableError, and contains a text.
func checkStateError(t *testing.T, what string, err error, text string) {
	t.Helper()
	if !backend.IsUnusable(err) || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: error %v, want %s", what, err, text)
	}
}

func checkTimeout(t *testing.T, what string, err error) {
	t.Helper()
	if _, ok := errors.AsType[*backend.TimeoutError](err); !ok {
		t.Errorf("%s: error %v", what, err)
	}
}

// newOwn returns a backend with clients of its own.
func newOwn(timeout time.Duration) *Backend { return New(&host.Local{}, nil, timeout) }

func list(b *Backend, p *pooldef.Pool) (names []string, err error) {
	for v, err := range b.Volumes(context.Background(), p) {
		if err != nil {
			return names, err
		}
		names = append(names, v.Name)
	}
	return names, nil
}

// TestWrong uses definitions of pools that cannot be active.
func TestWrong(t *testing.T) {
	p := poolOf(t, "gv0")
	ok(t, os.Symlink("/etc", bricks(t)+"/gv0-1"+p.Source.Dir+"/link")) // a brick stores a link unchanged
	for _, c := range []struct {
		change func(s *pooldef.Source)
		text   string
	}{
		{func(s *pooldef.Source) { s.Name = "none" }, `no Gluster volume "none" on "` + server + `"`},
		{func(s *pooldef.Source) { s.Dir = "/none" }, `the Gluster volume "gv0" has no directory "/none"`},
		{func(s *pooldef.Source) { s.Dir += "/link" }, `has no directory`},
		{func(s *pooldef.Source) { s.Hosts[0].Port = 24999 }, "the server " + server + ":24999 cannot be reached"},
		{func(s *pooldef.Source) { s.Hosts[0].Name = "nosuch.invalid" },
			"the server nosuch.invalid:24007 cannot be reached"},
	} {
		wrong := *p
		wrong.Source.Hosts = append([]pooldef.Host(nil), p.Source.Hosts...)
		c.change(&wrong.Source)
		b := newOwn(far)
		if active, err := b.Active(t.Context(), &wrong); active || err != nil {
			t.Errorf("%s: active %v, error %v", c.text, active, err)
		}
		_, err := b.Space(t.Context(), &wrong)
		checkStateError(t, "space", err, c.text)
	}
	for _, change := range []func(s *pooldef.Source){
		func(s *pooldef.Source) { s.Name = "gv0/sub" }, func(s *pooldef.Source) { s.Dir = "sub" },
		func(s *pooldef.Source) {
			s.Hosts = nil
		},
	} {
		wrong, problems := *p, pooldef.Problems(nil)
		change(&wrong.Source)
		if _, err := newBackend(here).Space(t.Context(), &wrong); !errors.As(err, &problems) {
			t.Errorf("%+v: error %v", wrong.Source, err)
		}
	}
}

// TestStopped uses a Gluster volume that is not started.
func TestStopped(t *testing.T) {
	p := poolOf(t, "gv1")
	gluster(t, "volume", "stop", "gv1")
	defer waitForBricks(t, "gv1")
	defer gluster(t, "volume", "start", "gv1")
	_, err := newOwn(far).Space(t.Context(), p)
	checkStateError(t, "space", err, `the Gluster volume "gv1" is not started`)
}

// TestSilent uses servers that do not answer, from the start and in the middle of an operation.
func TestSilent(t *testing.T) {
	p, dir := poolOf(t, "gv0"), needsCluster(t)
	for _, word := range []string{dir + "/glusterd.vol", dir + "/disk/gv0-1"} {
		daemon := pidOf(t, word)
		resume := backendtest.Pause(t, daemon)
		_, err := newOwn(2*time.Second).Active(t.Context(), p)
		checkTimeout(t, word, err)
		resume()
	}
	b, brick := newOwn(20*time.Second), pidOf(t, dir+"/disk/gv0-1")
	ok(t, b.Create(t.Context(), p, volume("v", 1<<20), backend.CreateOptions{}))
	resume := backendtest.Pause(t, brick)
	err := b.Wipe(t.Context(), p, "v", "zero", nil)
	resume()
	checkTimeout(t, "wiping", err)
	if names, err := list(b, p); len(names) != 1 || err != nil {
		t.Errorf("afterwards: got volumes %q, error %v", names, err)
	}
}

// TestBrickLost kills a brick while a volume is created.
func TestBrickLost(t *testing.T) {
	p, dir := poolOf(t, "gv0"), needsCluster(t)
	b := newOwn(far)
	var once sync.Once
	progress := func(done, _ uint64) {
		if done > 0 {
			once.Do(func() { kill(t, pidOf(t, dir+"/disk/gv0-1")) })
		}
	}
	err := b.Create(t.Context(), p, volume("v", 64<<20),
		backend.CreateOptions{Preallocation: "full", Progress: progress})
	checkStateError(t, "create", err,
		`bricks of the Gluster volume "gv0" are offline: 127.41:`+dir+"/disk/gv0-1")
	if active, err := newOwn(far).Active(t.Context(), p); active || err != nil {
		t.Errorf("active %v, error %v", active, err)
	}
	gluster(t, "volume", "start", "gv0", "force")
	waitForBricks(t, "gv0")
	waitForClient(t, "gv0")
	b = newOwn(far)
	if names, err := list(b, p); len(names) > 0 || err != nil {
		t.Errorf("got volumes %q, error %v", names, err)
	}
	if _, err := b.RemoveStale(t.Context(), p); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(bricks(t) + "/gv0-1" + p.Source.Dir); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, error %v", left, err)
	}
}

// TestPart uses a Gluster volume of which only part is online.
func TestPart(t *testing.T) {
	p, dir := poolOf(t, "gv1"), needsCluster(t)
	b := newOwn(far)
	for i := range 8 {
		ok(t, b.Create(t.Context(), p, volume("v"+strconv.Itoa(i), 1), backend.CreateOptions{}))
	}
	kill(t, pidOf(t, dir+"/disk/gv1-2"))
	defer waitForBricks(t, "gv1")
	defer gluster(t, "volume", "start", "gv1", "force")
	for _, b := range []*Backend{b, newOwn(far)} {
		names, err := list(b, p)
		checkStateError(t, "list", err,
			`bricks of the Gluster volume "gv1" are offline: 127.41:`+dir+"/disk/gv1-2")
		if len(names) == 0 || len(names) == 8 {
			t.Errorf("got volumes %q", names)
		}
		if _, err := b.Volume(t.Context(), p, names[0]); err != nil {
			t.Errorf("existing directory: got error %v", err)
		}
		warning, ok := errors.AsType[*backend.Warning](b.Refresh(t.Context(), p, 0))
		if !ok || !strings.Contains(warning.Text, "gv1-2") {
			t.Errorf("refresh: got %v", warning)
		}
		if missing, err := b.StartDegraded(t.Context(), p); err != nil || missing != nil {
			t.Errorf("degraded start: got %v, error %v", missing, err)
		}
		_, err = b.Volume(t.Context(), p, "none")
		checkStateError(t, "volume that may be on the offline brick", err, "are offline")
	}
}

// TestNothingStays kills a process that is writing a volume.
func TestNothingStays(t *testing.T) {
	if text := os.Getenv("POOLCTL_TEST_VICTIM"); text != "" {
		var p pooldef.Pool
		ok(t, json.Unmarshal([]byte(text), &p))
		err := newOwn(far).Create(t.Context(), &p, volume("v", 256<<20),
			backend.CreateOptions{Preallocation: "full"})
		t.Fatalf("the process was not killed; error %v", err)
	}
	p := poolOf(t, "gv0")
	text, err := json.Marshal(p)
	ok(t, err)
	victim := exec.Command("/proc/self/exe", "-test.run=^TestNothingStays$")
	victim.Env = append(os.Environ(), "POOLCTL_TEST_VICTIM="+string(text))
	victim.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	ok(t, victim.Start())
	written := func() bool {
		files, _ := filepath.Glob(bricks(t) + "/gv0-1" + strings.ReplaceAll(p.Source.Dir, " ", "?") +
			"/.poolctl-*/v")
		for _, f := range files {
			info, err := os.Stat(f)
			return err == nil && info.Size() > 0
		}
		return false
	}
	backendtest.Eventually(t, "data are written", written)
	clients := children(t, victim.Process.Pid)
	if len(clients) != 1 {
		t.Fatalf("the process has the clients %v", clients)
	}
	kill(t, victim.Process.Pid)
	_ = victim.Wait()
	backendtest.Eventually(t, "the client has ended", func() bool {
		_, err := os.Readlink("/proc/" + clients[0] + "/exe")
		return err != nil
	})
	mounts, err := here.Mounts()
	ok(t, err)
	for _, m := range mounts {
		if m.Type == "fuse.glusterfs" {
			t.Errorf("%s is mounted at %s", m.Source, m.Target)
		}
	}
	b := newBackend(here)
	if names, err := list(b, p); len(names) > 0 || err != nil {
		t.Errorf("got volumes %q, error %v", names, err)
	}
	// The server may not know yet that the client's lock is released.
	backendtest.Eventually(t, "leftovers are removed", func() bool {
		stale, err := b.RemoveStale(t.Context(), p)
		ok(t, err)
		return len(stale) == 1
	})
}

// children returns the process IDs of a process's children.
func children(t testing.TB, parent int) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/status")
	ok(t, err)
	var found []string
	for _, f := range files {
		status, _ := os.ReadFile(f)
		if strings.Contains(string(status), "\nPPid:\t"+strconv.Itoa(parent)+"\n") {
			found = append(found, filepath.Base(filepath.Dir(f)))
		}
	}
	return found
}

// TestRemoveStaleLate removes the leftovers of a process whose locks the cluster has not yet released.
func TestRemoveStaleLate(t *testing.T) {
	dir := mounted(t, "gv0") + poolOf(t, "gv0").Source.Dir
	killed := &host.Local{}
	stage := &host.Stage{Path: dir + "/.poolctl-0123456789abcdef"}
	ok(t, killed.Change(t.Context(), stage))
	time.AfterFunc(200*time.Millisecond, stage.Release)
	ok(t, (&host.Local{}).Change(t.Context(), host.Sweep{Path: stage.Path}))
}
