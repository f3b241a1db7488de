package gluster

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

func TestMain(m *testing.M) { backendtest.Main(m) }

// here is this machine, with one client per volume for all tests.
var here = uncachedHost{&host.Local{}}

// An uncachedHost has clients without caches, which see changes by others at once. With poolctl's own
// clients, that may take a second; they rarely live that long.
type uncachedHost struct{ *host.Local }

// MountPrivate implements host.Host.
func (a uncachedHost) MountPrivate(ctx context.Context, c host.Client) (*host.PrivateMount, error) {
	c.Args = append([]string{"--attribute-timeout=0", "--entry-timeout=0",
		"--xlator-option=*-md-cache.md-cache-timeout=0"}, c.Args...)
	return a.Local.MountPrivate(ctx, c)
}

// server is the address of the cluster's server. Its last number differs from those of other tests' clusters.
const server = "127.0.0.41"

// clusterVariable passes the directory of a running cluster to the processes that a test starts.
const clusterVariable = "POOLCTL_TEST_GLUSTER"

// cluster starts a cluster with the volumes gv0, with one brick, and gv1, with two, and returns the cluster's
// directory. The cluster ends with this process.
var cluster = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv(clusterVariable); dir != "" {
		return dir, nil
	}
	dir, err := os.MkdirTemp("", "gluster")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("testdata/gluster-cluster", dir, "41", "gv0=1", "gv1=2")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // Pdeathsig applies to the parent thread
		if err := cmd.Start(); err != nil {
			ended <- err
			return
		}
		ended <- cmd.Wait()
	}()
	for {
		if _, err := os.Stat(dir + "/ready"); err == nil {
			return dir, os.Setenv(clusterVariable, dir)
		}
		select {
		case err := <-ended:
			return "", err
		case <-time.After(20 * time.Millisecond):
		}
	}
})

// needsCluster returns the directory of a cluster.
func needsCluster(t testing.TB) string {
	t.Helper()
	backendtest.Long(t, "Gluster clusters")
	for _, tool := range []string{"glusterd", "glusterfs", "gluster", "mkfs.ext4", "unshare"} {
		if _, err := exec.LookPath(tool); err != nil || os.Geteuid() != 0 {
			backendtest.NotRun(t, "Gluster pools: they need root and glusterfs-server")
		}
	}
	dir, err := cluster()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// pidOf returns the process that has a word among its arguments.
func pidOf(t testing.TB, word string) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		words, _ := os.ReadFile(f)
		if strings.Contains("\x00"+string(words), "\x00"+word+"\x00") {
			n, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			return n
		}
	}
	t.Fatalf("no process has the argument %s", word)
	return 0
}

// bricks returns the directory of the bricks in the cluster's mount namespace.
func bricks(t testing.TB) string {
	t.Helper()
	dir := needsCluster(t)
	return "/proc/" + strconv.Itoa(pidOf(t, dir+"/glusterd.vol")) + "/root" + dir + "/disk"
}

// mounted returns the directory where the tests' client has mounted a volume.
func mounted(t testing.TB, volume string) string {
	t.Helper()
	needsCluster(t)
	top, err := here.MountPrivate(t.Context(), source{server: server, volume: volume}.client(far))
	if err != nil {
		t.Fatal(err)
	}
	return top.Root
}

// poolOf returns a pool on a new directory of a volume.
func poolOf(t testing.TB, volume string) *pooldef.Pool {
	t.Helper()
	dir, err := os.MkdirTemp(mounted(t, volume), "pool ")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return poolAt(volume, "/"+filepath.Base(dir))
}

// poolAt returns a pool on a directory of a volume.
func poolAt(volume, dir string) *pooldef.Pool {
	return &pooldef.Pool{Type: pooldef.Gluster, Name: "pool", UUID: "00000000-0000-4000-8000-000000000001",
		Source: pooldef.Source{
			Hosts: []pooldef.Host{{Name: server}}, Name: volume, Dir: dir}}
}

// far is a timeout that no test reaches.
const far = 5 * time.Minute

func newBackend(h host.Host) *Backend { return New(h, nil, far) }

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func volume(name string, size uint64) *pooldef.Volume {
	return &pooldef.Volume{Name: name, Capacity: pooldef.Bytes(size), Allocation: pooldef.Bytes(0),
		Target: pooldef.VolumeTarget{Format: "raw"}}
}
