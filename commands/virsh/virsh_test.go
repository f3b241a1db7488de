package virsh

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParseLine(t *testing.T) {
	for _, c := range []struct {
		args string // separated by spaces
		want Line
		err  string
	}{
		{"", Line{}, ""},
		{"pool-list -q", Line{Words: []string{"pool-list", "-q"}}, ""},
		{"-q -r -c u a", Line{URI: "u", Quiet: true, ReadOnly: true, Words: []string{"a"}}, ""},
		{"-qrcu:///x a", Line{URI: "u:///x", Quiet: true, ReadOnly: true, Words: []string{"a"}}, ""},
		{"--quiet --connect=u -- --a", Line{URI: "u", Quiet: true, Words: []string{"--a"}}, ""},
		{"--conn u --read --qui a", Line{URI: "u", Quiet: true, ReadOnly: true, Words: []string{"a"}}, ""},
		{"-k 0 -K3 -d 0 --debug 1 -l f -e ^a -t --no-pkttyagent a", Line{Timing: true, Words: []string{"a"}}, ""},
		{"--version a", Line{About: "--version"}, ""},
		{"--version=long", Line{About: "--version=long"}, ""},
		{"-q -V a", Line{Quiet: true, About: "-V"}, ""},
		{"-h", Line{About: "-h"}, ""},
		{"- a", Line{Words: []string{"-", "a"}}, ""},
		{"--nosuch a", Line{}, "unsupported option '--nosuch'. See --help."},
		{"--keepalive 1", Line{}, "unsupported option '--keepalive'. See --help."},
		{"--dry-run a", Line{}, "unsupported option '--dry-run'. See --help."},
		{"-d x", Line{}, "option -d takes a numeric argument"},
		{"-c", Line{}, "option '-c'/'--connect' requires an argument"},
	} {
		got, err := ParseLine(strings.Fields(c.args))
		if err != nil && err.Error() == c.err {
			continue
		}
		if err != nil || c.err != "" || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, %v; want %+v, %q", c.args, got, err, c.want, c.err)
		}
	}
}

func TestNext(t *testing.T) {
	root := t.TempDir()
	path := func(dirs string) string {
		var list []string
		for _, dir := range strings.Fields(dirs) {
			list = append(list, filepath.Join(root, dir))
		}
		return strings.Join(list, ":")
	}
	for _, dir := range []string{"self", "link", "chain", "hard", "one", "two", "plain", "dir/virsh", "none"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	self := filepath.Join(root, "self", "virsh")
	for name, mode := range map[string]os.FileMode{"self": 0o700, "one": 0o700, "two": 0o700, "plain": 0o600} {
		if err := os.WriteFile(filepath.Join(root, name, "virsh"), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		os.Symlink("../self/virsh", filepath.Join(root, "link", "virsh")),
		os.Symlink("../link/virsh", filepath.Join(root, "chain", "virsh")),
		os.Link(self, filepath.Join(root, "hard", "virsh")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(self)
	if err != nil {
		t.Fatal(err)
	}
	for dirs, want := range map[string]string{
		"one two": "one", "self one": "one", "one self two": "two", "one self": "", "one link two": "two",
		"link chain hard self two": "two", "one chain two hard": "two", "plain dir none nosuch two": "two", "": "",
	} {
		if want != "" {
			want = filepath.Join(root, want, "virsh")
		}
		if got := Next(path(dirs), info); got != want {
			t.Errorf("%s: got %q, want %q", dirs, got, want)
		}
	}
	t.Chdir(filepath.Join(root, "one"))
	if got := Next(".::../two", info); got != "" {
		t.Errorf("relative directories: got %q", got)
	}
}
