package commands

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// playbook uses scripts/ansible's module: in check mode, which changes nothing; then twice, of which only the
// first run changes something; with a change to what exists; and with definitions that cannot be met, or are
// wrong.
const playbook = `
- hosts: localhost
  gather_facts: false
  module_defaults:
    poolctl: {executable: POOLCTL, config_dir: WORK/etc}
  vars:
    images:
      name: images
      type: dir
      target: {path: WORK/images, mode: "{{ mode | default('0711') }}"}
      state: {built: if-missing, active: true}
      volumes:
        - {name: a.raw, capacity: "{{ size | default('1MiB') }}"}
  tasks:
    - poolctl: {pools: ["{{ images }}"]}
      check_mode: true
      diff: true
    - poolctl: {pools: ["{{ images }}"]}
    - poolctl: {pools: ["{{ images }}"]}
      diff: true
    - poolctl: {pools: ["{{ images }}"]}
      diff: true
      vars: {mode: "0700", size: 2MiB}
    - poolctl: {pools: ["{{ images }}"]}
      check_mode: true
      ignore_errors: true
      vars: {mode: "0700"}
    - poolctl: {pools: [{name: images, type: dir, target: {path: WORK/images, mode: 0711}}]}
      ignore_errors: true
    - poolctl: {pools: [{name: images, type: dir, target: {path: WORK/images, mode: {x: y}}}]}
      ignore_errors: true
`

// TestAnsible runs playbook, and the tasks of docs/apply.md, with Debian's ansible-playbook.
func TestAnsible(t *testing.T) {
	if _, err := exec.LookPath("ansible-playbook"); err != nil || testing.Short() {
		if os.Getenv("POOLCTL_TEST_ALL") != "" && !testing.Short() {
			t.Fatal(err)
		}
		t.Skip("NOT TESTED: the Ansible module")
	}
	dir := t.TempDir()
	program, programErr := exec.LookPath("poolctl")
	library, libraryErr := filepath.Abs("../scripts/ansible/library")
	page, pageErr := os.ReadFile("../docs/apply.md")
	if err := errors.Join(programErr, libraryErr, pageErr); err != nil {
		t.Fatal(err)
	}
	documented := regexp.MustCompile("(?s)```yaml\n(- name: Apply.*?)```").FindSubmatch(page)[1]
	tasks := strings.ReplaceAll("\n"+string(documented), "\n", "\n    ")
	text := strings.NewReplacer("WORK", dir, "POOLCTL", program).Replace(playbook) + tasks
	for file, text := range map[string]string{
		"playbook.yaml":        text,
		"pools/localhost.yaml": "type: dir\nname: declared\ntarget: {path: " + dir + "}\n",
	} {
		dirErr := os.MkdirAll(dir+"/pools", 0o700)
		err := errors.Join(dirErr, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("ansible-playbook", "-i", "localhost,", "-c", "local",
		"-e", "ansible_python_interpreter=/usr/bin/python3", "playbook.yaml")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "ANSIBLE_LIBRARY="+library, "ANSIBLE_NOCOLOR=1", "ANSIBLE_LOCAL_TEMP="+dir,
		"HOME="+dir, "POOLCTL_CONFIG_DIR="+dir+"/etc", "POOLCTL_RUN_DIR="+dir+"/run",
		"ANSIBLE_LOCALHOST_WARNING=false")
	out, _ := cmd.CombinedOutput()
	var results []string
	for _, m := range regexp.MustCompile(`(?m)^(ok|changed|fatal): \[localhost\]`).FindAllSubmatch(out, -1) {
		results = append(results, string(m[1]))
	}
	want := []string{"changed", "changed", "ok", "changed", "fatal", "fatal", "fatal", "changed", "ok"}
	isComplete := slices.Equal(results, want)
	for _, shown := range []string{
		"--- before\n+++ after\n@@ -1 +1,4 @@\n-pool images: state: inactive\n+pool images: define: defined\n" +
			"+pool images: build: built\n+pool images: state: active\n" +
			"+volume images/a.raw: create: raw, 1.00 MiB\n",
		"-volume images/a.raw: capacity: 1.00 MiB\n", "a.raw: cannot be changed",
		`a mode must be quoted: \"0711\"`, `"action": "define"`,
	} {
		isComplete = isComplete && strings.Contains(string(out), shown)
	}
	if _, err := os.Stat(dir + "/images/a.raw"); err != nil || !isComplete {
		t.Errorf("%v %v\n%s", results, err, out)
	}
}
