package commands_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// TestStartUp counts the page faults of the shortest command lines. They are the cost of starting: on virtual
// machines a fault takes up to 16 microseconds. A Go program that prints a word has about 200. If this fails,
// GODEBUG=inittrace=1 shows what packages allocate at start.
func TestStartUp(t *testing.T) {
	binary := poolctlBinary(t)
	dir := t.TempDir()
	env := []string{"POOLCTL_CONFIG_DIR=" + dir, "POOLCTL_RUN_DIR=" + t.TempDir()}
	pool := []byte("<pool type='dir'><name>images</name><target><path>/images</path></target></pool>")
	if err := os.WriteFile(dir+"/images.xml", pool, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, run := range []struct {
		arguments []string
		most      int64 // a tenth more than measured on 2026-11-30
	}{
		{[]string{"--version"}, 425}, {[]string{"pool-list", "--all"}, 570},
	} {
		least := run.most + 1
		for range 10 { // how many threads run differs
			command := exec.Command(binary, run.arguments...)
			command.Env = env
			if out, err := command.CombinedOutput(); err != nil {
				t.Fatalf("%q: %v\n%s", run.arguments, err, out)
			}
			least = min(least, command.ProcessState.SysUsage().(*syscall.Rusage).Minflt)
		}
		t.Logf("%q: %d page faults", run.arguments, least)
		if least > run.most {
			t.Errorf("%q has at least %d page faults, more than %d", run.arguments, least, run.most)
		}
	}
}
