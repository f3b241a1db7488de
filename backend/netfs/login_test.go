package netfs

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// password is the password of the user daemon in testdata/smb-server.
const password = `a, b\c$d`

var secrets = backendtest.Secrets{"daemon": password, "wrong": "wrong", "lines": "a\nb"}

// withLogin adds a login to a pool.
func withLogin(p *pooldef.Pool, user, secret string) *pooldef.Pool {
	p.Source.Auth = &pooldef.Auth{Type: "cifs", Username: user, Secret: pooldef.SecretRef{UUID: secret}}
	return p
}

// TestLogin checks the command and the credentials for mount(8), with the shell as the reader.
func TestLogin(t *testing.T) {
	for _, c := range []struct{ user, secret, want string }{
		{"daemon", "daemon", "username=daemon\npassword=$(base64 -d /secrets/daemon.base64)\nEND\n"},
		{`CELLAR\pc$`, "daemon",
			"username=pc\\$\ndomain=CELLAR\npassword=$(base64 -d /secrets/daemon.base64)\nEND\n"},
		{"daemon", "lines", ""},
		{"daemon", "none", ""},
	} {
		p := withLogin(netPool("cifs", "files.example", "share"), c.user, c.secret)
		p.Target.Path = t.TempDir()
		var plan strings.Builder
		err := New(host.NewDryRun(&host.Local{}, &plan), secrets, far).Start(t.Context(), p)
		want := "mount -t cifs -o nodev,nosuid,noexec,credentials=/proc/self/fd/3 -- //files.example/share " +
			p.Target.Path + " 3<<END\n" + c.want
		if got := plan.String(); (c.want == "") != (err != nil) || err == nil && got != want {
			t.Errorf("got %s, error %v, want %s", got, err, want)
		}
	}
}

// TestCIFSLogin mounts with a password while a goroutine searches the machine for the password.
func TestCIFSLogin(t *testing.T) {
	newPool := labPools(t, "cifs", "", "/srv/smb", "private", smb)
	var trace strings.Builder
	b := New(host.NewTrace(&host.Local{}, &trace), secrets, far)
	end, seen := make(chan bool), make(chan int)
	go func() { seen <- watchForPassword(t, end) }()
	for _, user := range []string{"daemon", `WORKGROUP\daemon`} {
		p := withLogin(newPool(t), user, "daemon")
		for _, err := range []error{
			b.Build(t.Context(), p, backend.BuildOptions{}), b.Start(t.Context(), p),
			os.WriteFile(p.Target.Path+"/file", []byte("data"), 0o600), b.Stop(t.Context(), p),
		} {
			if err != nil {
				t.Error(user, err)
			}
		}
	}
	close(end)
	if <-seen == 0 {
		t.Error("the search saw no mount.cifs with credentials")
	}
	for what, p := range map[string]*pooldef.Pool{"a wrong password": withLogin(newPool(t), "daemon",
		"wrong"), "no login": newPool(t)} {
		err := b.Build(t.Context(), p, backend.BuildOptions{})
		if err == nil {
			err = b.Start(t.Context(), p)
		}
		if err == nil || !strings.Contains(err.Error(), "mount error(13): Permission denied") {
			t.Errorf("%s: error %v", what, err)
		}
	}
	if strings.Contains(trace.String(), password) {
		t.Errorf("the trace contains the password: %s", trace.String())
	}
}

// watchForPassword searches the arguments and environments of all processes for the password, and returns how
// often it has seen a mount.cifs with credentials.
func watchForPassword(t *testing.T, end chan bool) (seen int) {
	for {
		select {
		case <-end:
			return seen
		default:
		}
		processes, _ := filepath.Glob("/proc/[0-9]*")
		for _, process := range processes {
			cmdline, _ := os.ReadFile(process + "/cmdline")
			environ, _ := os.ReadFile(process + "/environ")
			if bytes.Contains(cmdline, []byte(password)) || bytes.Contains(environ, []byte(password)) {
				t.Errorf("%s has the password: %q", process, cmdline)
			}
			if link, _ := os.Readlink(process + "/fd/3"); bytes.Contains(cmdline, []byte("mount.cifs")) &&
				strings.HasPrefix(link, "/memfd:") {
				seen++
			}
		}
	}
}
