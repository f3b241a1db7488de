package vstorage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// buildPool returns a pool that is built, and the directory of its cluster.
func buildPool(t *testing.T, timeout time.Duration) (b *Backend, p *pooldef.Pool, cluster string) {
	t.Helper()
	b, p = New(&host.Local{}, nil, timeout), newPool(t)
	ok(t, b.Build(t.Context(), p, backend.BuildOptions{}))
	dir, _, _ := strings.Cut(os.Getenv("PATH"), ":")
	return b, p, dir + "/clusters/cluster"
}

// TestRefused makes vstorage-mount fail. The error must contain its message and a hint, and nothing may be
// mounted.
func TestRefused(t *testing.T) {
	b, p, cluster := buildPool(t, time.Minute)
	before := snapshot(t, p)
	backendtest.Change(t, host.WriteFile{Path: cluster + ".closed"})
	err := b.Start(t.Context(), p)
	state := (*backend.StateError)(nil)
	if !errors.As(err, &state) || !strings.Contains(err.Error(), "not authorised in the cluster 'cluster'") ||
		!strings.HasPrefix(state.Hint, "vstorage -c cluster auth-node") {
		t.Errorf("error %v, %+v", err, state)
	}
	if after := snapshot(t, p); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
	t.Setenv("PATH", "/usr/bin")
	tool := (*host.ToolError)(nil)
	if err := b.Start(t.Context(), p); !errors.As(err, &tool) || tool.Tool != "vstorage-mount" {
		t.Error(err)
	}
}

// checkTimeout checks that an operation fails with a TimeoutError.
func checkTimeout(t *testing.T, what string, do func() error) {
	t.Helper()
	silent := (*backend.TimeoutError)(nil)
	if err := do(); !errors.As(err, &silent) {
		t.Errorf("%s: error %v", what, err)
	}
}

// TestSilent uses a cluster that does not answer when it is mounted.
func TestSilent(t *testing.T) {
	b, p, cluster := buildPool(t, 500*time.Millisecond)
	before := snapshot(t, p)
	backendtest.Change(t, host.WriteFile{Path: cluster + ".silent"})
	checkTimeout(t, "start", func() error { return b.Start(t.Context(), p) })
	ok(t, os.Remove(cluster+".asked"))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- New(&host.Local{}, nil, time.Hour).Start(ctx, p) }()
	backendtest.Eventually(t, "vstorage-mount has started", func() bool {
		_, err := os.Stat(cluster + ".asked")
		return err == nil
	})
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: error %v", err)
	}
	if after := snapshot(t, p); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
}

// TestBusyStop stops a pool while a file in it is open.
func TestBusyStop(t *testing.T) {
	b, p, _ := buildPool(t, time.Minute)
	ok(t, b.Start(t.Context(), p))
	f, err := os.Create(p.Target.Path + "/disk")
	ok(t, err)
	busy := (*backend.BusyError)(nil)
	if err := b.Stop(t.Context(), p); !errors.As(err, &busy) ||
		!strings.Contains(err.Error(), fmt.Sprintf("process %d (", os.Getpid())) {
		t.Errorf("error %v", err)
	}
	if active, err := b.Active(t.Context(), p); !active || err != nil {
		t.Errorf("got active %v, error %v", active, err)
	}
	f.Close()
	ok(t, b.Stop(t.Context(), p))
	ok(t, b.Start(t.Context(), p))
	if _, err := os.Stat(p.Target.Path + "/disk"); err != nil {
		t.Error(err)
	}
	ok(t, b.Stop(t.Context(), p))
}

// TestProcessGone sets up what vstorage-mount would leave: a FUSE mount whose process does not answer, and
// one whose process is gone.
func TestProcessGone(t *testing.T) {
	b, p, _ := buildPool(t, 500*time.Millisecond)
	for _, gone := range []bool{false, true} {
		fuse, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			backendtest.NotRun(t, "FUSE: "+err.Error())
		}
		ok(t, unix.Mount("vstorage://cluster", p.Target.Path, "fuse.vstorage", unix.MS_NOSUID|unix.MS_NODEV,
			fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fuse)))
		if gone {
			unix.Close(fuse)
			if _, err := b.Active(t.Context(), p); err == nil ||
				!strings.Contains(err.Error(), "not connected") {
				t.Errorf("process gone: got error %v", err)
			}
		} else {
			checkTimeout(t, "active", func() error { _, err := b.Active(t.Context(), p); return err })
			checkTimeout(t, "space", func() error { _, err := b.Space(t.Context(), p); return err })
		}
		ok(t, b.Stop(t.Context(), p))
		if mounted, err := b.Host.Mounted(p.Target.Path); mounted || err != nil {
			t.Errorf("after stopping: mounted %v, error %v", mounted, err)
		}
		if !gone {
			unix.Close(fuse)
		}
	}
}

// TestCommand checks the arguments of vstorage-mount.
func TestCommand(t *testing.T) {
	number := func(n uint32) *uint32 { return &n }
	me, err := user.Current()
	ok(t, err)
	mine, err := user.LookupGroupId(me.Gid)
	ok(t, err)
	for _, c := range []struct {
		cluster string
		want    pooldef.Permissions
		command string
	}{
		{"stor1", pooldef.Permissions{},
			fmt.Sprintf("vstorage-mount -c stor1 /mnt/x -m 711 -g %s -u %s", mine.Name, me.Username)},
		{"a b", pooldef.Permissions{Mode: number(0o770), Owner: number(1), Group: number(6)},
			"vstorage-mount -c 'a b' /mnt/x -m 770 -g disk -u daemon"},
		{"stor1", pooldef.Permissions{Owner: number(4000000000)},
			"error: target/permissions/owner: no user on this machine has the id 4000000000, and " +
				"vstorage-mount needs a name"},
		{"stor1", pooldef.Permissions{Group: number(4000000000)},
			"error: target/permissions/group: no group on this machine has the id 4000000000, and " +
				"vstorage-mount needs a name"},
		{"", pooldef.Permissions{}, `error: source/name: "" cannot be the name of a cluster`},
		{"a/b", pooldef.Permissions{}, `error: source/name: "a/b" cannot be the name of a cluster`},
	} {
		p := &pooldef.Pool{Type: pooldef.Vstorage, Name: "pool",
			Target: pooldef.Target{Path: "/mnt//x/", Permissions: c.want}}
		p.Source.Name = c.cluster
		command, err := mountCommand(p)
		got := command.Shell()
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != c.command {
			t.Errorf("got %s, want %s", got, c.command)
		}
	}
}

func TestGolden(t *testing.T) {
	if os.Geteuid() != 0 {
		backendtest.NotRun(t,
			"changes to the machine: they were recorded as root, and vstorage-mount is passed the user's name")
	}
	g := backendtest.NewReplayed(t, "vstorage", os.Geteuid() == 0)
	p := &pooldef.Pool{Type: pooldef.Vstorage, Name: "pool", Target: pooldef.Target{Path: "/mnt/pool 'x'"}}
	p.Source.Name = "cluster"
	closed := ""
	if g.Live() {
		p = newPool(t)
		dir, _, _ := strings.Cut(os.Getenv("PATH"), ":")
		closed = dir + "/clusters/cluster.closed"
		g.Clean = strings.NewReplacer(filepath.Dir(p.Target.Path), "/mnt").Replace
		g.Snapshot = func() string { return snapshot(t, p) }
	}
	does := func(title string, op func(b *Backend) error) {
		g.Helper()
		g.Do(title, func(h host.Host) error { return op(New(h, nil, time.Minute)) })
	}
	build := func(b *Backend) error { return b.Build(t.Context(), p, backend.BuildOptions{}) }
	start := func(b *Backend) error { return b.Start(t.Context(), p) }
	stop := func(b *Backend) error { return b.Stop(t.Context(), p) }
	does("build: the directory alone", build)
	does("start", start)
	does("start again: nothing to do", start)
	does("build while it is mounted", build)
	does("stop", stop)
	does("stop again: nothing to do", stop)
	mode, owner, group := uint32(0o750), uint32(1), uint32(6)
	p.Target.Permissions = pooldef.Permissions{Mode: &mode, Owner: &owner, Group: &group}
	does("start, with permissions", start)
	does("stop", stop)
	if g.Live() {
		backendtest.Change(t, host.WriteFile{Path: closed})
	}
	does("start, but this machine is not authorised", start)
	does("format", func(b *Backend) error {
		return b.Build(t.Context(), p, backend.BuildOptions{Overwrite: true})
	})
	does("remove", func(b *Backend) error { return b.DeletePool(t.Context(), p) })
	g.End()
}
