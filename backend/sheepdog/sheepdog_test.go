package sheepdog

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/backend/sheepdog/dogtest"
	"poolctl/pooldef"
)

func TestMain(m *testing.M) { backendtest.Main(m) }

// standInBinary builds the stand-in once for all tests.
var standInBinary = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-o", dir+"/dog", "./dogtest/dog")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	return os.ReadFile(dir + "/dog")
})

// realCluster is the environment variable with the address (HOST:PORT) of a formatted, empty cluster that
// tests may use if a real dog is in PATH.
const realCluster = "POOLCTL_TEST_SHEEP"

// newPool returns a pool of an empty cluster: the real cluster if there is one, otherwise the stand-in,
// whose directory it returns too.
func newPool(t testing.TB) (p *pooldef.Pool, dir string) {
	t.Helper()
	p = &pooldef.Pool{Type: pooldef.Sheepdog, Name: "pool", UUID: "00000000-0000-4000-8000-000000000001"}
	p.Source.Name = "sheep"
	at, isReal := os.LookupEnv(realCluster)
	if _, err := exec.LookPath("dog"); err != nil || !isReal {
		p.Source.Hosts = []pooldef.Host{{Name: dogtest.Host, Port: dogtest.Port}}
		binary, err := standInBinary()
		if err != nil {
			t.Fatal(err)
		}
		return p, dogtest.Start(t, binary)
	}
	name, port, _ := strings.Cut(at, ":")
	number, _ := strconv.Atoi(cmp.Or(port, "7000"))
	p.Source.Hosts = []pooldef.Host{{Name: name, Port: number}}
	b := New(&host.Local{}, time.Minute)
	all, err := b.all(t.Context(), p)
	if err != nil || len(all) > 0 {
		t.Fatalf("the cluster at %s must be empty, but has %d images, error %v", at, len(all), err)
	}
	t.Cleanup(func() {
		all, _ := b.all(context.Background(), p)
		_ = b.deleteAll(context.Background(), p, all)
	})
	return p, ""
}

// snapshot returns all images and checksums of their content as text. It omits ids, times and shared sizes,
// which change when a snapshot is taken.
func snapshot(t *testing.T, p *pooldef.Pool) string {
	all, err := New(&host.Local{}, time.Minute).all(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	c, _ := clusterOf(p)
	program, err := exec.LookPath("dog")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, i := range all {
		args := c.vdi([]string{"read"}, i.name)
		if i.snapshot {
			args = c.vdi([]string{"read", "-s", i.snapshotArg()}, i.name)
		}
		data, err := exec.Command(program, args.Args...).Output()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%q %d bytes: %.8x\n", i.volumeName(), i.size, sha256.Sum256(data))
	}
	return b.String()
}

func TestSheepdog(t *testing.T) {
	backendtest.Run(t, backendtest.Options{
		New: func(h host.Host) backend.Backend { return New(h, time.Minute) },
		Pool: func(t *testing.T) *pooldef.Pool {
			p, _ := newPool(t)
			return p
		},
		Snapshot: snapshot,
		Sizes:    []uint64{65537, 0, 1, 5 << 20},
		OnlyGrow: true,
		Volume: func(name string, size uint64) *pooldef.Volume {
			return &pooldef.Volume{Name: name, Capacity: pooldef.Bytes(size)}
		},
		Refused: []string{"", "a:b", strings.Repeat("n", 256), ".poolctl-0123abcd-1-2-3"},
		Allowed: []string{
			strings.Repeat("n", 255), "-x", "--help", "a b", "a\tb", "a\nb", `a\b`, "'", "$(x)", "\xff\xfe", "ü",
			"a/b", " ",
		},
		Unsupported: []*pooldef.Volume{{
			Name:     "v",
			Capacity: pooldef.Bytes(1),
			Target:   pooldef.VolumeTarget{Encryption: backendtest.LUKS("x")},
		}},
		Cannot: backendtest.Because("volumes only grow", "ResizeFaults"),
	})
}
