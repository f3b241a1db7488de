package commands

import (
	"strings"
	"testing"
)

// TestURIDefault reads libvirt.conf as libvirt does.
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
		if uri != test.want || (err == nil) != (test.wrong == "") || err != nil && !strings.HasPrefix(err.Error(), test.wrong) {
			t.Errorf("%q: got %q and %v, want %q and %q", test.text, uri, err, test.want, test.wrong)
		}
	}
}
