package rbd

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

func TestMain(m *testing.M) { backendtest.Main(m) }

// clusterVariable is the environment variable that passes the cluster's directory to a process that is to be
// killed.
const clusterVariable = "POOLCTL_TEST_CEPH"

// start starts the cluster that all tests share. It stops with this process.
var start = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv(clusterVariable); dir != "" {
		return dir, nil
	}
	dir, err := os.MkdirTemp("", "ceph")
	if err != nil {
		return "", err
	}
	return dir, serve(dir, os.Environ())
})

func serve(dir string, env []string) error {
	c := exec.Command("testdata/ceph-server", "start", dir, strconv.Itoa(os.Getpid()))
	c.Env = env
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// cluster returns the directory of a Ceph cluster.
func cluster(t testing.TB) string {
	t.Helper()
	backendtest.Long(t, "Ceph clusters")
	for _, tool := range []string{"ceph-mon", "ceph-osd", "ceph-mgr", "ceph", "rbd"} {
		if _, err := exec.LookPath(tool); err != nil {
			backendtest.NotRun(t, "pools of type rbd: "+tool+" is not installed")
		}
	}
	dir, err := start()
	if err != nil {
		t.Fatal(err)
	}
	os.Setenv(clusterVariable, dir)
	return dir
}

// read returns the content of a file in the cluster's directory.
func read(t testing.TB, file string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(os.Getenv(clusterVariable), file))
	ok(t, err)
	return strings.TrimSpace(string(data))
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// port returns a port of the monitor.
func port(t testing.TB, file string) int {
	t.Helper()
	n, err := strconv.Atoi(read(t, file))
	ok(t, err)
	return n
}

const secret = "b1a0c0de-1111-4222-8333-444455556666"

// keys provides the secrets: the key of client.libvirt.
type keys struct{ backendtest.Secrets }

func (k keys) SecretValue(ref pooldef.SecretRef, usage string) ([]byte, error) {
	if ref.UUID != secret {
		return k.Secrets.SecretValue(ref, usage)
	}
	text, err := os.ReadFile(filepath.Join(os.Getenv(clusterVariable), "libvirt.key"))
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
}

// limit is a timeout that never expires in these tests.
const limit = 5 * time.Minute

func newBackend(h host.Host) backend.Backend { return New(h, keys{}, limit) }

var namespaces atomic.Uint64

// newPool defines a pool with its own namespace.
func newPool(t testing.TB) *pooldef.Pool {
	t.Helper()
	cluster(t)
	p := definition(fmt.Sprintf("rbdpool/n%d-%d", os.Getpid(), namespaces.Add(1)), port(t, "port"))
	contentOf(t, p.Source.Name)
	return p
}

// definition defines a pool whose monitor listens at a port.
func definition(name string, port int) *pooldef.Pool {
	p := &pooldef.Pool{Type: pooldef.RBD, Name: "images", UUID: "6732e2f6-8293-4281-912c-640015230de0"}
	p.Source.Name = name
	p.Source.Hosts = []pooldef.Host{{Name: "127.0.0.1", Port: port}}
	p.Source.Auth = &pooldef.Auth{Type: "ceph", Username: "libvirt", Secret: pooldef.SecretRef{UUID: secret}}
	return p
}

// ceph runs one of Ceph's programs as client.admin.
func ceph(t testing.TB, tool string, args ...string) string {
	t.Helper()
	c := exec.Command(tool, args...)
	c.Env = append(os.Environ(), "CEPH_CONF="+os.Getenv(clusterVariable)+"/ceph.conf")
	var errs strings.Builder
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", c, err, &errs)
	}
	return string(out)
}

// An observer is a running testdata/images, which prints what the cluster contains.
type observer struct {
	mu      sync.Mutex
	in      io.Writer
	answers *json.Decoder
}

// watch starts the observer that all tests share. It ends with this process.
var watch = sync.OnceValues(func() (*observer, error) {
	c := exec.Command("testdata/images")
	c.Env, c.Stderr = append(os.Environ(), "CEPH_CONF="+os.Getenv(clusterVariable)+"/ceph.conf"), os.Stderr
	in, inErr := c.StdinPipe()
	out, outErr := c.StdoutPipe()
	return &observer{in: in, answers: json.NewDecoder(out)}, errors.Join(inErr, outErr, c.Start())
})

// contentOf returns the content of POOL/NAMESPACE as text, including the data of the image v, which most
// tests use. It creates the namespace if it does not exist.
func contentOf(t testing.TB, place string) (content string) {
	t.Helper()
	o, err := watch()
	ok(t, err)
	o.mu.Lock()
	defer o.mu.Unlock()
	_, err = fmt.Fprintln(o.in, place)
	ok(t, errors.Join(err, o.answers.Decode(&content)))
	return content
}

func snapshotOf(t *testing.T, p *pooldef.Pool) string {
	t.Helper()
	return contentOf(t, p.Source.Name)
}
