package netfs

import (
	"context"
	_ "embed" // the servers
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

//go:embed testdata/nfs-server
var nfsServer string

//go:embed testdata/smb-server
var smbServer string

// starter returns a function that starts a server once.
func starter(script string) func() error {
	return sync.OnceValue(func() error {
		out, err := exec.Command("sh", "-ec", script).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

//go:embed testdata/gluster-server
var glusterServer string

var nfs, smb, gluster = starter(nfsServer), starter(smbServer), starter(glusterServer)

// labPools returns a function that creates pools on a directory of a server.
func labPools(t *testing.T, format, protocol, root, dir string,
	start func() error) func(t *testing.T) *pooldef.Pool {
	backendtest.NeedsLab(t, "pools of format "+format)
	if os.Getenv("POOLCTL_TEST_KILL") == "" { // otherwise the server is already running
		if err := start(); err != nil {
			t.Fatal(err)
		}
	}
	return func(t *testing.T) *pooldef.Pool {
		t.Helper()
		served, err := os.MkdirTemp(root, "")
		if err != nil {
			t.Fatal(err)
		}
		p := netPool(format, "127.0.0.1", dir+"/"+filepath.Base(served))
		p.Source.Protocol = protocol
		p.Target.Path = filepath.Join(t.TempDir(), "pool 'x'")
		if format == "glusterfs" { // see checkPlain
			p.Target.Path = filepath.Join(t.TempDir(), "pool")
		}
		return p
	}
}

// far is a timeout that no test reaches.
const far = 5 * time.Minute

func run(t *testing.T, pool func(t *testing.T) *pooldef.Pool, elsewhere, cannot map[string]string) {
	backendtest.Run(t, backendtest.Options{
		Elsewhere: elsewhere,
		New:       func(h host.Host) backend.Backend { return New(h, nil, far) },
		Pool:      pool,
		Cannot:    cannot,
		Snapshot:  snapshot,
		Sizes:     []uint64{65537, 0, 1, 1 << 20},
		Volume: func(name string, size uint64) *pooldef.Volume {
			return &pooldef.Volume{Name: name, Capacity: pooldef.Bytes(size), Allocation: pooldef.Bytes(0),
				Target: pooldef.VolumeTarget{Format: "raw"}}
		},
		Refused: []string{"", ".", "..", "../x", "a/b", strings.Repeat("n", 256)},
		Allowed: []string{"-x", "a b", "'", "$(x)"},
	})
}

func snapshot(t *testing.T, p *pooldef.Pool) string {
	return backendtest.TreeAndMounts(t, filepath.Dir(p.Target.Path))
}

// volumeFaults are the parts in which poolctl does the same in every directory, mounted or not.
var volumeFaults = backendtest.Because("TestRaw of backend/dir covers it", backendtest.VolumeFaults...)

// likeNFS4 are the parts in which poolctl does the same with every server.
var likeNFS4 = backendtest.Because("TestNFS4, or TestRaw of backend/dir, covers it",
	slices.Concat(backendtest.Faults, backendtest.Requests)...)

func TestNFS3(t *testing.T) {
	run(t, labPools(t, "nfs", "3", "/srv/nfsroot/export", "/export", nfs), likeNFS4, nil)
}

func TestNFS4(t *testing.T) {
	run(t, labPools(t, "auto", "", "/srv/nfsroot/export", "/export", nfs), volumeFaults, nil)
}

func TestCIFS(t *testing.T) {
	run(t, labPools(t, "cifs", "", "/srv/smb", "share", smb), likeNFS4, map[string]string{
		"Resizing": "a file has no more room than its size",
		"Wiping":   "scrub cannot open what poolctl holds",
	})
}

func TestGluster(t *testing.T) {
	run(t, labPools(t, "glusterfs", "", "/srv/gluster/fs/brick", "gv0", gluster), likeNFS4, nil)
}

// TestServerGone stops the server of a mounted pool, and starts it again.
func TestServerGone(t *testing.T) {
	p := labPools(t, "nfs", "", "/srv/nfsroot/export", "/export", nfs)(t)
	b, hasty := New(&host.Local{}, nil, far), New(&host.Local{}, nil, 3*time.Second)
	for _, err := range []error{b.Build(t.Context(), p, backend.BuildOptions{}), b.Start(t.Context(), p)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if active, err := b.Active(t.Context(), p); !active || err != nil {
		t.Fatal(active, err)
	}
	found, err := b.Discover(t.Context(), &p.Source)
	if err != nil || len(found) != 1 || found[0].Dir != "/export" {
		t.Errorf("found %+v, error %v", found, err)
	}
	backendtest.Change(t, host.Cmd("rpc.nfsd", "0"))
	late := func(what string, do func() error) {
		t.Helper()
		if err := do(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	late("active", func() error { _, err := hasty.Active(t.Context(), p); return err })
	late("space", func() error { _, err := hasty.Space(t.Context(), p); return err })
	other := *p
	other.Target.Path = t.TempDir()
	late("start", func() error { return hasty.Start(t.Context(), &other) })
	t.Log(hasty.Stop(t.Context(), p))
	backendtest.Change(t, host.Cmd("rpc.nfsd", "2"))
	if err := b.Stop(t.Context(), p); err != nil {
		t.Error(err)
	}
}
