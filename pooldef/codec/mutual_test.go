package codec

import (
	"strings"
	"testing"
)

// TestMutual reads and prints the login with which a target proves its identity, in both languages.
func TestMutual(t *testing.T) {
	const yaml = `type: iscsi
name: san
source:
  hosts: h
  devices: iqn.2013-06.com.example:disks
  auth:
    type: chap
    username: guest
    secret: {usage: a}
    mutual:
      username: host
      secret: {usage: b}
target: {path: /dev/disk/by-path}
`
	p := readPoolFile(t, "", []byte(yaml))
	text := PoolElement(p, nil).String()
	if !strings.Contains(text, "<?poolctl mutual_username='host' mutual_secret_usage='b'?>") {
		t.Errorf("printed\n%s", text)
	}
	again := readPoolFile(t, "", []byte(text))
	if m := again.Source.Auth.Mutual; m == nil || *m != *p.Source.Auth.Mutual || m.Username != "host" ||
		m.Secret.Usage != "b" {
		t.Errorf("read again: %+v", m)
	}
	for _, bad := range []struct{ from, to string }{
		{"type: chap", "type: ceph"}, {"      username: host\n", ""}, {"      secret: {usage: b}\n", ""},
		{"{usage: b}", "{uuid: b}"},
		{"{usage: b}", "{usage: b, uuid: 11111111-1111-4111-8111-111111111111}"},
	} {
		_, _, err := ReadPool("f.yaml", []byte(strings.Replace(yaml, bad.from, bad.to, 1)),
			false)
		if err == nil {
			t.Errorf("accepted with %q instead of %q", bad.to, bad.from)
		}
	}
}
