package commands

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// TestSecretInProc sets a value that comes slowly, and looks meanwhile where everybody on the machine can: the arguments and the
// environment of every process do not have it.
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
		cmd := exec.Command("poolctl", append([]string{"--debug", "--config-dir", dir + "/etc", "--run-dir", dir + "/run"}, args...)...)
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
	pipe, err := os.OpenFile(fifo, os.O_WRONLY, 0) // waits until it is read
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pipe.Write(value); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"/proc/[0-9]*/cmdline", "/proc/[0-9]*/environ"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			if data, _ := os.ReadFile(file); bytes.Contains(data, value[:18]) { // it may have ended meanwhile
				t.Errorf("%s has the value", file)
			}
		}
	}
	pipe.Close()
	if err := set.Wait(); err != nil {
		t.Fatal(err)
	}
	if got, err := poolctl("-q", "secret-get-value", "x", "--plain").Output(); err != nil || !bytes.Equal(got, value) {
		t.Errorf("%q, %v", got, err)
	}
}
