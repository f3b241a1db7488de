package codec

import (
	"testing"

	"poolctl/pooldef"
)

// FuzzReadDesired reads documents for diff and apply. What is accepted can be defined, and can be printed and
// read again.
func FuzzReadDesired(f *testing.F) {
	f.Add("type: dir\nname: a\ntarget: {path: /srv}\nstate: {built: if-missing, active: yes}\nvolumes:\n" +
		"- {name: v, capacity: 1M, format: qcow2, backing: {pool: p, volume: w}}\n- {name: o, state: absent}\n---\n" +
		"type: logical\nname: vg\nmanaged_by: x\nvolumes: [{name: c, source: {file: f, sha256: 0a}}]\n")
	f.Add("type: &t dir\nname: a\nstate: &s {active: no}\ntarget: {path: /x}\nvolumes: [*s]\n")
	f.Add("<!-- poolctl-set: x --><pool type='dir'><name>d</name><target><path>/d</path></target></pool>")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := ReadDesired("set.yaml", []byte(text))
		if err != nil {
			return
		}
		for _, d := range all {
			if d.YAML != nil {
				p, _, err := ReadPool("", d.YAML, true)
				if err != nil || PoolElement(p, nil).String() != PoolElement(d.Pool, nil).String() {
					t.Errorf("%v: the definition is\n%s", err, d.YAML)
				}
			}
			checkPrinted(t, d)
		}
	})
}

// checkPrinted checks that a declaration can be printed and read.
func checkPrinted(t *testing.T, d *pooldef.Desired) {
	t.Helper()
	printed := *d
	printed.Volumes = nil // their paths and states are not printed
	text, err := DesiredYAML(&printed)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ReadDesired("printed.yaml", text)
	if err != nil || len(again) != 1 {
		t.Fatalf("%v: %d documents in\n%s", err, len(again), text)
	}
	if PoolElement(again[0].Pool, nil).String() != PoolElement(d.Pool, nil).String() {
		t.Errorf("printed\n%s", text)
	}
}
