package commands

import (
	"strings"
	"testing"
)

// TestURIDefault checks that libvirt.conf is read as libvirt reads it.
func TestURIDefault(t *testing.T) {
	for _, test := range []struct{ text, want, wrong string }{
		{"", "", ""},
		{"#uri_default = \"qemu:///system\"\n", "", ""},
		{"uri_default=\"qemu:///system\"", "qemu:///system", ""},
		{"# x\r\n\turi_default = 'a'\t# b\r\nuri_default = 'c'\n", "a", ""},
		{`uri_default = """a"b"""`, `a"b`, ""},
		{"uri_default = \"\"\n", "", ""},
		{"uri_aliases = [\n\"uri_default=x\",\n]\n", "", ""},
		{"\n\nuri_default = qemu:///system\n", "", "line 3: "},
		{"uri_default = \"a\n", "", "line 1: "},
		{"uri_default = [ \"a\" ]\n", "", "line 1: "},
		{"uri_default = \"a\" \"b\"\n", "", "line 1: "},
	} {
		uri, err := uriDefault(test.text)
		isWrong := err != nil && !strings.HasPrefix(err.Error(), test.wrong)
		if uri != test.want || (err == nil) != (test.wrong == "") || isWrong {
			t.Errorf("%q: got %q and %v, want %q and %q", test.text, uri, err, test.want, test.wrong)
		}
	}
}

// TestLocalURIs checks that only URIs of this machine are accepted.
func TestLocalURIs(t *testing.T) {
	for _, uri := range []string{
		"", "qemu:///system", "qemu:///session", "storage:///system", "storage:///session", "xen:///system",
		"lxc:///system", "ch:///system",
		"vbox:///session", "secret:///system", "qemu+unix:///system", "storage+unix:///session",
	} {
		if err := (connection{"-c ", uri}).check(); err != nil {
			t.Errorf("%q is refused: %v", uri, err)
		}
	}
	for _, uri := range []string{
		"qemu+ssh://host/system", "qemu+ssh:///system", "QEMU+SSH:///system", "qemu+SSH:///system",
		"qemu%2Bssh:///system",
		"qemu+ext:///system", "qemu+ext:///system?command=ssh", "qemu+libssh:///system",
		"qemu+libssh2://host/system",
		"qemu+tls:///system", "qemu+tcp:///system", "qemu+unix:///system?socket=/tmp/tunnel",
		"qemu:///system?socket=/tmp/tunnel",
		"qemu:///system?", "qemu:///system?name=qemu+ssh://host/system", "qemu:///system#x", "qemu://host/system",
		"qemu://localhost/system",
		"qemu://user@/system", "qemu://:22/system", "//host/system", "/system", ":///system", "system",
		"qemu:/system", "qemu:system",
		"qemu:///%73ystem", "qemu:///system/", "qemu:////system", "qemu:///../system", "qemu:///system ",
		" qemu:///system", "qemu:///system\n",
		"QEMU:///system", "qemu+unix+ssh:///system", "qemu+unix+unix:///system", "+unix:///system", "esx:///system",
		"test:///default", "qemu:///embed?root=/",
	} {
		if err := (connection{"-c ", uri}).check(); err == nil {
			t.Errorf("%q is accepted", uri)
		}
	}
}
