package commands

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// asLibvirtd runs a command while it holds the lock that libvirt's storage daemon holds on its driver.pid,
// and returns the command's status.
func asLibvirtd(file string, command []string) int {
	f, err := os.Create(file)
	if err == nil {
		lock := unix.Flock_t{Type: unix.F_WRLCK, Len: 1}
		err = unix.FcntlFlock(f.Fd(), unix.F_SETLK, &lock)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	return 0
}

var processNumber = regexp.MustCompile(`\(process \d+\)`)

// TestBesideLibvirtd checks that a pool that a real libvirtd runs is active for poolctl, that poolctl neither
// stops it nor changes definitions under the daemon, and that it may when the daemon has gone.
func TestBesideLibvirtd(t *testing.T) {
	for _, program := range []string{"virsh", "libvirtd", "unshare"} {
		if _, err := exec.LookPath(program); err != nil || os.Geteuid() != 0 {
			if os.Getenv("POOLCTL_TEST_ALL") != "" {
				t.Fatal(program, err)
			}
			t.Skip("NOT TESTED: poolctl beside libvirtd. Missing: " + program + ", or root")
		}
	}
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	const text = `
export POOLCTL_CONFIG_DIR=/etc/libvirt/storage POOLCTL_LIBVIRT_DIR=/etc/libvirt POOLCTL_RUN_DIR=$1/run
export POOLCTL_LIBVIRT_STATE_DIR=/run/libvirt/storage
mkdir $1/pool
virsh -q pool-define-as img dir --target $1/pool
virsh -q pool-define-as off dir --target $1/off
virsh -q pool-start img
exec >$1/out 2>&1
poolctl pool-list --all -o csv | cut -d, -f1,4
poolctl -q vol-create-as img v 1M && poolctl vol-list img -o name
poolctl -q pool-destroy img
poolctl -q pool-undefine off; poolctl -q pool-define-as new dir --target $1/new
kill $(cat /run/libvirt/test.pid); while [ -e /run/libvirt/test.pid ]; do :; done
poolctl -q pool-undefine off && poolctl pool-list --all -o name
`
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_ = exec.Command("../scripts/with-libvirtd", "sh", script, dir).Run() // it misses the daemon at the end
	out, err := os.ReadFile(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `name,state
img,active
off,inactive
v
error: stop pool "img": libvirt has started pool "img"
hint: virsh pool-destroy img
error: undefine pool "off": libvirt's daemon (process N) would not see a change in "/etc/libvirt/storage"
hint: virsh pool-undefine off
error: define pool "new": libvirt's daemon (process N) would not see a change in "/etc/libvirt/storage"
hint: virsh pool-define FILE
img
`
	if got := processNumber.ReplaceAllString(string(out), "(process N)"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestRefreshHint checks that a terminal shows, after a change to the volumes of a pool that a running
// libvirt has too, how libvirt sees the change.
func TestRefreshHint(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("POOLCTL_CONFIG_DIR", dir+"/etc")
	t.Setenv("POOLCTL_RUN_DIR", dir+"/run")
	t.Setenv("POOLCTL_LIBVIRT_STATE_DIR", dir+"/state")
	if err := os.Mkdir(dir+"/state", 0o700); err != nil {
		t.Fatal(err)
	}
	const state = "<poolstate><pool type='dir'><name>it's</name>" +
		"<uuid>11111111-2222-3333-4444-555555555555</uuid><target><path>%s/p</path></target></pool></poolstate>"
	if err := os.WriteFile(dir+"/state/x.xml", fmt.Appendf(nil, state, dir), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(words ...string) string {
		master, tty := openTerminal(t)
		defer master.Close()
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Stderr = tty
		err := cmd.Run()
		tty.Close()
		text := make([]byte, 4096) // at most a few lines: they fit into the terminal's buffer
		n, _ := master.Read(text)
		if err != nil {
			t.Fatalf("%q: %v: %s", words, err, text[:n])
		}
		return string(text[:n])
	}
	daemon := []string{"as-libvirtd", dir + "/state/driver.pid"}
	run("poolctl", "pool-define-as", "a", "dir", "--target", dir+"/p")
	run("poolctl", "pool-define-as", "b", "dir", "--target", dir+"/q")
	run("poolctl", "pool-start a --build; pool-start b --build")
	const hint = `hint: virsh pool-refresh 'it'\''s' shows it to libvirt`
	for _, test := range []struct {
		words []string
		want  string
	}{
		{[]string{"poolctl", "vol-create-as", "a", "v", "4K"}, ""},
		{append(daemon, "poolctl", "vol-create-as", "a", "w", "4K"), hint},
		{append(daemon, "poolctl", "vol-resize", "w", "8K", "a"), hint},
		{append(daemon, "poolctl", "--quiet", "vol-delete", "w", "a"), ""},
		{append(daemon, "poolctl", "vol-create-as", "b", "w", "4K"), ""},
		{append(daemon, "poolctl", "vol-info", "v", "a"), ""},
	} {
		if got := strings.TrimSpace(run(test.words...)); got != test.want {
			t.Errorf("%q: got %q, want %q", test.words, got, test.want)
		}
	}
}
