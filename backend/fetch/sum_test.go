package fetch

import (
	"strings"
	"testing"
)

const (
	a64  = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	b64  = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	a128 = a64 + a64
)

func TestFindSum(t *testing.T) {
	for _, test := range []struct{ list, want string }{
		{a64 + "  disk.raw\n", a64},
		{strings.ToUpper(a64) + " *disk.raw\r\n" + b64 + "  other", a64},
		{"SHA256 (disk.raw) = " + a64, a64},
		{"# disk.raw: 7 bytes\nSHA512 (disk.raw) = " + a128 + "\nSHA256 (disk.raw) = " + b64 + "\n", a128},
		{a64 + "  ./disk.raw\n", a64},
		{a64 + "\n", a64},
		{a64 + "  disk.raw\n" + a64 + "  disk.raw\n", a64},
		{a64 + "  disk.raw\n" + b64 + "  disk.raw\n", ""},
		{a64 + "  a/disk.raw\n", ""},
		{a64 + "  disk.raw.xz\n", ""},
		{a64 + "\n" + b64 + "\n", ""},
		{a64[1:] + "  disk.raw\n", ""},
		{"MD5 (disk.raw) = " + a64[:32], ""},
		{"", ""},
	} {
		sum, err := findSum("LIST", test.list, "disk.raw")
		if sum.Hex != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%q: got %+v, %v", test.list, sum, err)
		}
	}
}

// FuzzFindSum checks that a list of a hostile server has no effect but a sum of the right length.
func FuzzFindSum(f *testing.F) {
	f.Add(a64+"  disk.raw\n", "disk.raw")
	f.Add("SHA256 (disk.raw) = "+a64, "disk.raw")
	f.Fuzz(func(t *testing.T, list, name string) {
		sum, err := findSum("LIST", list, name)
		if (err == nil) != (digits[len(sum.Hex)] == sum.Algorithm && sum.Algorithm != "") {
			t.Errorf("%q: got %+v, %v", list, sum, err)
		}
	})
}
