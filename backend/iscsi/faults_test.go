package iscsi

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

var secrets = backendtest.Secrets{
	"guest": "the guest shows this", "host": "the host shows this", "wrong": "something else that is long",
}

// watch inspects the command lines and environments of all processes until stop is called. stop fails the
// test if they contained a secret.
func watch(t *testing.T) (stop func()) {
	var end, found atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !end.Load() {
			files, _ := filepath.Glob("/proc/[0-9]*/[ce]*n*[el]*")
			for _, f := range files {
				data, _ := os.ReadFile(f)
				for _, secret := range secrets {
					if base := filepath.Base(f); (base == "cmdline" || base == "environ") &&
						bytes.Contains(data, []byte(secret)) {
						found.Store(true)
					}
				}
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return func() {
		t.Helper()
		end.Store(true)
		if <-done; found.Load() {
			t.Error("a secret was seen in /proc")
		}
	}
}

// TestCHAP logs in with correct and wrong secrets.
func TestCHAP(t *testing.T) {
	p := newPool(t, chap)
	stop := watch(t)
	defer stop()
	login := func(user, secret string) *pooldef.Auth {
		return &pooldef.Auth{Type: "chap", Username: user, Secret: pooldef.SecretRef{UUID: secret}}
	}
	mutual := func(a *pooldef.Auth, user, secret string) *pooldef.Auth {
		a.Mutual = &pooldef.Login{Username: user, Secret: pooldef.SecretRef{UUID: secret}}
		return a
	}
	for _, test := range []struct {
		name string
		auth *pooldef.Auth
		want string // "": success
	}{
		{"no login", nil, "it requires CHAP"},
		{"a wrong secret", login("guest", "wrong"), `refuses the login as "guest"`},
		{"a secret that there is not", login("guest", "none"), pooldef.ErrNoSecret.Error()},
		{"right", login("guest", "guest"), ""},
		{"right on both sides", mutual(login("guest", "guest"), "host", "host"), ""},
		{"the target has another", mutual(login("guest", "guest"), "host", "wrong"), "mutual CHAP"},
		{"the target has the same", mutual(login("guest", "guest"), "host", "guest"), "requires different secrets"},
		{"of Ceph", &pooldef.Auth{Type: "ceph", Username: "guest", Secret: pooldef.SecretRef{UUID: "guest"}},
			"only chap logins"},
	} {
		p.Source.Auth = test.auth
		var trace strings.Builder
		b := New(host.NewTrace(&host.Local{}, &trace), secrets, far)
		err := b.Start(t.Context(), p)
		if test.want == "" {
			ok(t, err)
			ok(t, b.Refresh(t.Context(), p, far))
			if text := list(t, b, p); strings.Count(text, "\n") != 1 {
				t.Errorf("%s: got\n%s", test.name, text)
			}
			files, _ := filepath.Glob("/etc/iscsi/nodes/*/*/*")
			for _, f := range files {
				if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("%s: %v, error %v", f, info.Mode(), err)
				}
			}
			ok(t, b.Stop(t.Context(), p))
		} else if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v", test.name, err)
		}
		for _, secret := range secrets {
			if strings.Contains(trace.String(), secret) {
				t.Errorf("%s: a secret is printed:\n%s", test.name, trace.String())
			}
		}
		expect(t, test.name+": what is left", state(t), "")
	}
}

// TestTidy removes the leftovers of a start that was killed before its login.
func TestTidy(t *testing.T) {
	p := newPool(t, chap)
	p.Source.Auth = &pooldef.Auth{Type: "chap", Username: "guest", Secret: pooldef.SecretRef{UUID: "guest"}}
	b := newBackend(secrets)
	lines, err := chapLines(p.Source.Auth, b.Secrets)
	ok(t, err)
	ok(t, b.makeInterface(t.Context(), interfaceOf(p), ""))
	ok(
		t,
		b.makeRecord(
			t.Context(),
			record{target: chap, portal: portal{"127.0.0.1", defaultPort}, group: 1, iface: interfaceOf(p)}, lines,
		),
	)
	if state(t) == "" {
		t.Fatal("nothing to remove")
	}
	ok(t, b.CleanUp(t.Context(), p))
	expect(t, "what is left", state(t), "")
	ok(t, b.CleanUp(t.Context(), p))
}

// TestUnreachable uses servers that do not answer, and checks for leftovers.
func TestUnreachable(t *testing.T) {
	b, hasty := newBackend(nil), New(&host.Local{}, nil, 4*time.Second)
	try := func(b *Backend, what, want string, silent bool, p *pooldef.Pool) {
		t.Helper()
		err := b.Start(t.Context(), p)
		if err == nil || !strings.Contains(err.Error(), want) ||
			errors.Is(err, context.DeadlineExceeded) != silent {
			t.Errorf("%s: error %v", what, err)
		}
		expect(t, what+": what is left", state(t), "")
	}
	try(
		b, "no server", "cannot be reached", false, newPool(t, disks, pooldef.Host{Name: "127.0.0.1", Port: 3999}),
	)
	try(b, "no such name", "cannot be reached", false, newPool(t, disks, pooldef.Host{Name: "nosuch.invalid"}))
	try(b, "no target", "has no target", false, newPool(t, "iqn.2026-01.lab:none"))
	resume := backendtest.Pause(t, tgtd()...)
	try(hasty, "it does not answer", "does not answer", true, newPool(t, disks))
	resume()
	p := newPool(t, disks)
	start(t, b, p)
	ok(t, b.Stop(t.Context(), p))
}

// tgtd returns the PIDs of the lab's target.
func tgtd() (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, f := range files {
		if comm, _ := os.ReadFile(f); string(comm) == "tgtd\n" {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// TestTargetSilent scans for units while the server is paused and the kernel has not noticed.
func TestTargetSilent(t *testing.T) {
	p := newPool(t, disks)
	b := newBackend(nil)
	start(t, b, p)
	resume := backendtest.Pause(t, tgtd()...)
	silent := (*backend.TimeoutError)(nil)
	if err := New(&host.Local{}, nil, 2*time.Second).Refresh(t.Context(), p, 0); !errors.As(err, &silent) {
		t.Errorf("error %v", err)
	}
	resume()
	// after a long pause, the kernel logs in again
	backendtest.Eventually(t, "the session is there", func() bool {
		active, _ := b.Active(t.Context(), p)
		return active
	})
	ok(t, b.Refresh(t.Context(), p, far))
	ok(t, b.Stop(t.Context(), p))
}

// TestTargetGone stops the server during a session, and starts it again.
func TestTargetGone(t *testing.T) {
	p := newPool(t, disks)
	b := newBackend(nil)
	start(t, b, p)
	for _, pid := range tgtd() {
		// the second process may end with the first
		if err := syscall.Kill(pid, syscall.SIGKILL); !errors.Is(err, syscall.ESRCH) {
			ok(t, err)
		}
	}
	gone := func() error { _, err := b.Active(t.Context(), p); return err }
	backendtest.Eventually(t, "it is noticed that the target has gone", func() bool { return gone() != nil })
	silent := (*backend.TimeoutError)(nil)
	_, space := b.Space(t.Context(), p)
	for what, err := range map[string]error{
		"active": gone(), "space": space, "refresh": b.Refresh(t.Context(), p, 0),
	} {
		if !errors.As(err, &silent) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	ok(t, b.Stop(t.Context(), p))
	expect(t, "what is left", state(t), "")
	ok(t, serve())
	start(t, b, p)
	ok(t, b.Stop(t.Context(), p))
}
