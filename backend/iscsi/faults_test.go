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

var secrets = backendtest.Secrets{"guest": "the guest shows this", "host": "the host shows this", "wrong": "something else that is long"}

// watch looks at the command lines and environments of all processes, until it is stopped; then it tells whether a secret was in one.
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
					if base := filepath.Base(f); (base == "cmdline" || base == "environ") && bytes.Contains(data, []byte(secret)) {
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

// TestCHAP logs in with secrets, and says what is wrong with them.
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
		want string // "": it works
	}{
		{"no login", nil, "wants a user and a secret"},
		{"a wrong secret", login("guest", "wrong"), `refuses the login as "guest"`},
		{"a secret that there is not", login("guest", "none"), pooldef.ErrNoSecret.Error()},
		{"right", login("guest", "guest"), ""},
		{"right on both sides", mutual(login("guest", "guest"), "host", "host"), ""},
		{"the target has another", mutual(login("guest", "guest"), "host", "wrong"), "mutual CHAP"},
		{"the target has the same", mutual(login("guest", "guest"), "host", "guest"), "have to differ"},
		{"of Ceph", &pooldef.Auth{Type: "ceph", Username: "guest", Secret: pooldef.SecretRef{UUID: "guest"}}, "by chap"},
	} {
		p.Source.Auth = test.auth
		var trace strings.Builder
		b := New(host.Trace{Host: &host.Local{}, W: &trace}, secrets, 10*time.Second)
		err := b.Start(t.Context(), p)
		if test.want == "" {
			ok(t, err)
			ok(t, b.Refresh(t.Context(), p, 0))
			if text := list(t, b, p); strings.Count(text, "\n") != 1 {
				t.Errorf("%s: there are\n%s", test.name, text)
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
				t.Errorf("%s: a secret is shown:\n%s", test.name, trace.String())
			}
		}
		expect(t, test.name+": what is left", state(t), "")
	}
}

// TestTidy removes what a start leaves that is killed before it logs in.
func TestTidy(t *testing.T) {
	p := newPool(t, chap)
	p.Source.Auth = &pooldef.Auth{Type: "chap", Username: "guest", Secret: pooldef.SecretRef{UUID: "guest"}}
	b := newBackend(secrets)
	lines, err := chapLines(p.Source.Auth, b.Secrets)
	ok(t, err)
	ok(t, b.makeInterface(t.Context(), interfaceOf(p), ""))
	ok(t, b.makeRecord(t.Context(), record{target: chap, portal: portal{"127.0.0.1", defaultPort}, group: 1, iface: interfaceOf(p)}, lines))
	if state(t) == "" {
		t.Fatal("there is nothing to be removed")
	}
	ok(t, b.Tidy(t.Context(), p))
	expect(t, "what is left", state(t), "")
	ok(t, b.Tidy(t.Context(), p))
}

// TestUnreachable ends in time where nobody answers, and leaves nothing.
func TestUnreachable(t *testing.T) {
	b := New(&host.Local{}, nil, 4*time.Second)
	try := func(what, want string, silent bool, p *pooldef.Pool) {
		t.Helper()
		begin := time.Now()
		err := b.Start(t.Context(), p)
		if took := time.Since(begin); took > 12*time.Second {
			t.Errorf("%s: took %v", what, took)
		}
		if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, context.DeadlineExceeded) != silent {
			t.Errorf("%s: error %v", what, err)
		}
		expect(t, what+": what is left", state(t), "")
	}
	try("no server", "cannot be reached", false, newPool(t, disks, pooldef.Host{Name: "127.0.0.1", Port: 3999}))
	try("no such name", "cannot be reached", false, newPool(t, disks, pooldef.Host{Name: "nosuch.invalid"}))
	try("no target", "has no target", false, newPool(t, "iqn.2026-01.lab:none"))
	resume := backendtest.Stall(t, tgtd()...)
	try("it does not answer", "does not answer", true, newPool(t, disks))
	resume()
	time.Sleep(time.Second)
	p := newPool(t, disks)
	start(t, b, p)
	ok(t, b.Stop(t.Context(), p))
}

// tgtd returns the processes of the lab's target.
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

// TestTargetSilent looks for units while the kernel still believes that the server is there.
func TestTargetSilent(t *testing.T) {
	p := newPool(t, disks)
	b := newBackend(nil)
	start(t, b, p)
	resume := backendtest.Stall(t, tgtd()...)
	begin := time.Now()
	silent := (*backend.SilentError)(nil)
	err := New(&host.Local{}, nil, 2*time.Second).Refresh(t.Context(), p, 0)
	if took := time.Since(begin); !errors.As(err, &silent) || took > 15*time.Second {
		t.Errorf("after %v: error %v", took, err)
	}
	resume()
	for active := false; !active; time.Sleep(100 * time.Millisecond) { // if it was silent for long, the kernel logs in again
		active, _ = b.Active(t.Context(), p)
		if time.Since(begin) > time.Minute {
			t.Fatal("the session does not come back")
		}
	}
	ok(t, b.Refresh(t.Context(), p, 0))
	ok(t, b.Stop(t.Context(), p))
}

// TestTargetGone stops the server below a session, and has it come back.
func TestTargetGone(t *testing.T) {
	p := newPool(t, disks)
	b := newBackend(nil)
	start(t, b, p)
	for _, pid := range tgtd() {
		ok(t, syscall.Kill(pid, syscall.SIGKILL))
	}
	gone := func() error { _, err := b.Active(t.Context(), p); return err }
	for begin := time.Now(); gone() == nil; time.Sleep(100 * time.Millisecond) {
		if time.Since(begin) > 30*time.Second {
			t.Fatal("nobody notices that the target has gone")
		}
	}
	silent := (*backend.SilentError)(nil)
	begin := time.Now()
	_, space := b.Space(t.Context(), p)
	for what, err := range map[string]error{"active": gone(), "space": space, "refresh": b.Refresh(t.Context(), p, 0)} {
		if !errors.As(err, &silent) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	ok(t, b.Stop(t.Context(), p))
	t.Logf("after %v: %v", time.Since(begin), silent)
	expect(t, "what is left", state(t), "")
	ok(t, serve())
	start(t, b, p)
	ok(t, b.Stop(t.Context(), p))
}
