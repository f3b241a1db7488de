package commands

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const playbook = `
- hosts: localhost
  gather_facts: false
  tasks:
    - poolctl:
        executable: POOLCTL
        config_dir: WORK/etc
        pools:
          - name: images
            type: dir
            target: {path: WORK/images, mode: MODE}
            state: {built: if-missing, active: true}
            volumes:
              - {name: a.raw, capacity: SIZE}
`

// TestAnsible runs scripts/ansible's module with Debian's ansible-playbook: in check mode, which changes
// nothing; then twice, of which only the first run changes something; with a change to what exists; and with
// definitions that are wrong, or that cannot be met.
func TestAnsible(t *testing.T) {
	if _, err := exec.LookPath("ansible-playbook"); err != nil || testing.Short() {
		if os.Getenv("POOLCTL_TEST_ALL") != "" && !testing.Short() {
			t.Fatal(err)
		}
		t.Skip("NOT TESTED: the Ansible module")
	}
	dir := t.TempDir()
	program, err := exec.LookPath("poolctl")
	if err != nil {
		t.Fatal(err)
	}
	run := func(mode, size string, options ...string) string {
		t.Helper()
		text := strings.NewReplacer("WORK", dir, "POOLCTL", program, "MODE", mode, "SIZE", size).Replace(playbook)
		file := filepath.Join(dir, "playbook.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		library, err := filepath.Abs("../scripts/ansible/library")
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("ansible-playbook", append(options,
			"-i", "localhost,", "-c", "local", "-e", "ansible_python_interpreter=/usr/bin/python3", file)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "ANSIBLE_LIBRARY="+library, "ANSIBLE_NOCOLOR=1", "ANSIBLE_LOCAL_TEMP="+dir,
			"HOME="+dir, "POOLCTL_RUN_DIR="+dir+"/run", "ANSIBLE_LOCALHOST_WARNING=false")
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	recap := regexp.MustCompile(`ok=(\d+) +changed=(\d+) .*failed=(\d+)`)
	for _, step := range []struct {
		mode, size    string
		options       []string
		counts, shows string
		exists        bool // the volume, afterwards
	}{
		{`"0711"`, "1MiB", []string{"--check", "--diff"}, "ok=1 changed=1 failed=0",
			"--- before\n+++ after\n@@ -1 +1,4 @@\n-pool images: state: inactive\n+pool images: define: defined\n" +
				"+pool images: build: built\n+pool images: state: active\n" +
				"+volume images/a.raw: create: raw, 1.00 MiB\n", false},
		{`"0711"`, "1MiB", nil, "ok=1 changed=1 failed=0", "changed: [localhost]", true},
		{`"0711"`, "1MiB", []string{"--diff"}, "ok=1 changed=0 failed=0", "ok: [localhost]", true},
		{`"0700"`, "2MiB", []string{"--diff"}, "ok=1 changed=1 failed=0",
			"-volume images/a.raw: capacity: 1.00 MiB\n", true},
		{`"0700"`, "1MiB", []string{"--check"}, "ok=0 changed=0 failed=1", "a.raw: cannot be changed", true},
		{`0711`, "2MiB", nil, "ok=0 changed=0 failed=1", `a mode must be quoted: \"0711\"`, true},
		{`{x: y}`, "2MiB", nil, "ok=0 changed=0 failed=1", "mode", true},
	} {
		out := run(step.mode, step.size, step.options...)
		counts := ""
		if m := recap.FindStringSubmatch(out); m != nil {
			counts = "ok=" + m[1] + " changed=" + m[2] + " failed=" + m[3]
		}
		_, err := os.Stat(dir + "/images/a.raw")
		if counts != step.counts || !strings.Contains(out, step.shows) || (err == nil) != step.exists {
			t.Errorf("%s %s %v: %s, volume: %v\n%s", step.mode, step.size, step.options, counts, err, out)
		}
	}
}
