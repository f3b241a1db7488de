package remote

import (
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseHosts(t *testing.T) {
	for list, want := range map[string][]Host{
		"nas":             {{"nas", "nas", ""}},
		"a@nas:22,b":      {{"a@nas:22", "a@nas", "22"}, {"b", "b", ""}},
		"::1":             {{"::1", "::1", ""}},
		"u@[::1]:2222":    {{"u@[::1]:2222", "u@::1", "2222"}},
		"[fe80::1%eth0]":  nil,
		"":                nil,
		"a,":              nil,
		"a,a":             nil,
		"-oProxyCommand=": nil,
		"u@-oProxy":       nil,
		"@a":              nil,
		"a b":             nil,
		"a\nb":            nil,
		"a:":              nil,
		"a:ssh":           nil,
		"a:0":             nil,
		"a:70000":         nil,
		":22":             nil,
	} {
		got, err := ParseHosts(list)
		if !reflect.DeepEqual(got, want) || (err == nil) != (want != nil) {
			t.Errorf("%q: got %+v, %v, want %+v", list, got, err, want)
		}
	}
}

func TestCommand(t *testing.T) {
	hosts, err := ParseHosts("root@nas:2222")
	if err != nil {
		t.Fatal(err)
	}
	got := hosts[0].Command([]string{"ssh", "-4"}, 1500*time.Millisecond, "poolctl 'x'")
	want := "ssh -4 -xT -o BatchMode=yes -o ConnectTimeout=1 -o ServerAliveInterval=1 -p 2222 -- " +
		"root@nas poolctl 'x'"
	if strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestLine has a shell split lines again.
func TestLine(t *testing.T) {
	words := []string{"plain", "", "a b", "it's", `"$HOME" \ ` + "`id`", "ä\nb\t", "\x01\xff", "*", "~", "-n", "--", "''"}
	out, err := exec.Command("sh", "-c", Line("printf '%s\\0'", words)).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); !reflect.DeepEqual(got, words) {
		t.Errorf("got %q, want %q", got, words)
	}
}
