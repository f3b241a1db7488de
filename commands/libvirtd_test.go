package commands

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
