package pooldef

import "testing"

func TestAddress(t *testing.T) {
	for name, want := range map[string]string{
		"a.example.com": "a.example.com", "10.0.0.1": "10.0.0.1", "::1": "::1", "[fd00::1]": "fd00::1", "fe80::1%eth0": "fe80::1%eth0",
		"": "", "[]": "", "-o": "", "a,b": "", "a/b": "", "a b": "", "a\n": "", "127.0.0.1:3260": "", "[::1]:3260": "", "a:1": "",
	} {
		if got, err := (Host{Name: name}).Address(); got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, error %v; want %q", name, got, err, want)
		}
	}
}
