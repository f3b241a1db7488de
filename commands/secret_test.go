package commands

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"poolctl/backend/backendtest"
)

// TestSecretInProc sets a value that arrives slowly. Meanwhile the arguments and environments of all
// processes, which everybody on the machine can read, must not contain it.
func TestSecretInProc(t *testing.T) {
	dir := t.TempDir()
	definition, fifo := filepath.Join(dir, "secret.yaml"), filepath.Join(dir, "fifo")
	if err := os.WriteFile(definition, []byte("usage: {type: ceph, name: x}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	poolctl := func(args ...string) *exec.Cmd {
		cmd := exec.Command("poolctl",
			append([]string{"--debug", "--config-dir", dir + "/etc", "--run-dir", dir + "/run"}, args...)...)
		cmd.Stderr = os.Stderr
		return cmd
	}
	if err := poolctl("secret-define", definition).Run(); err != nil {
		t.Fatal(err)
	}
	set := poolctl("secret-set-value", "x", "--plain", "--file", fifo)
	if err := set.Start(); err != nil {
		t.Fatal(err)
	}
	value := bytes.Repeat([]byte("swordfish"), 100)
	pipe, err := os.OpenFile(fifo, os.O_WRONLY, 0) // blocks until poolctl opens it
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pipe.Write(value); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"/proc/[0-9]*/cmdline", "/proc/[0-9]*/environ"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			if data, _ := os.ReadFile(file); bytes.Contains(data, value[:18]) { // the process may have ended
				t.Errorf("%s contains the value", file)
			}
		}
	}
	pipe.Close()
	if err := set.Wait(); err != nil {
		t.Fatal(err)
	}
	if got, err := poolctl("-q", "secret-get-value", "x", "--plain").Output(); err != nil ||
		!bytes.Equal(got, value) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestSecretsOfLibvirt stores a secret and creates a volume with libvirt's daemon, and uses both with
// poolctl.
func TestSecretsOfLibvirt(t *testing.T) {
	backendtest.Long(t, "the comparison with virsh")
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED without root: the secrets of libvirt's daemon")
	}
	dir := t.TempDir()
	const id = "11111111-2222-3333-4444-555555555555"
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.ReplaceAll(text, "DIR", dir)),
			0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("secret.xml", "<secret ephemeral='no' private='yes'><uuid>"+id+
		"</uuid><usage type='volume'><volume>DIR/images/safe.raw</volume></usage></secret>")
	write("safe.xml", "<volume><name>safe.raw</name><capacity unit='M'>8</capacity><target><format "+
		"type='raw'/><encryption format='luks'>"+
		"<secret type='passphrase' uuid='"+id+"'/></encryption></target></volume>")
	write("value", "open sesame")
	const script = `set -e
cd "$0"
virsh -q -c secret:///system secret-define secret.xml
virsh -q -c secret:///system secret-set-value "$1" --file value --plain
mkdir images
virsh -q pool-create-as images dir --target "$0/images"
until virsh -q vol-create images safe.xml 2>error; do # qemu-img cannot always measure how fast keys are made; poolctl, too, tries again
	: $((tries += 1))
	[ $tries -lt 30 ] && grep -q 'accurate CPU usage' error || { cat error; exit 1; }
done
export POOLCTL_CONFIG_DIR="$0/etc" POOLCTL_RUN_DIR="$0/run"
poolctl -q pool-create-as images dir --target "$0/images"
poolctl vol-dumpxml safe.raw images --xpath 'string(//secret/@uuid)'
poolctl -q vol-resize safe.raw 9M images
poolctl vol-info safe.raw images | grep Capacity
`
	cmd := exec.Command("../scripts/with-libvirtd", "sh", "-c", script, dir, id)
	out, err := cmd.CombinedOutput()
	hasAll := strings.Contains(string(out), id) && strings.Contains(string(out), "9.00 MiB")
	if want := id + "\n\nSize of volume 'safe.raw' successfully changed to 9M\n"; err != nil || !hasAll {
		t.Errorf("got %s, error %v; want %s", out, err, want)
	}
}
