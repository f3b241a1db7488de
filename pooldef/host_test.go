package pooldef

import "testing"

func TestAddress(t *testing.T) {
	for name, want := range map[string]string{
		"a.example.com": "a.example.com", "10.0.0.1": "10.0.0.1", "::1": "::1", "[fd00::1]": "fd00::1",
		"fe80::1%eth0": "fe80::1%eth0",
		"":             "", "[]": "", "-o": "", "a,b": "", "a/b": "", "a b": "", "a\n": "", "127.0.0.1:3260": "",
		"[::1]:3260": "", "a:1": "",
	} {
		if got, err := (Host{Name: name}).Address(); got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, error %v; want %q", name, got, err, want)
		}
	}
}

func TestHostNumber(t *testing.T) {
	for name, want := range map[string]int{"host0": 0, "scsi_host12": 12, "fc_host3": 3, "host": -1,
		"host1x": -1, "host01": -1, "host-1": -1, "host+1": -1, "xhost1": -1, "": -1,
		"host99999999999999999999": -1} {
		if got := (&Adapter{Name: name}).HostNumber(); got != want {
			t.Errorf("%q: %d", name, got)
		}
	}
}
