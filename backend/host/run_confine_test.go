package host

import (
	"os"
	"strings"
	"testing"
)

// TestConfine checks that a confined program can access only what is allowed.
func TestConfine(t *testing.T) {
	if landlockRights() == 0 {
		t.Log("NOT TESTED: files, as this kernel has no Landlock")
	}
	l, dir, other := &Local{}, t.TempDir(), t.TempDir()
	put(t, dir+"/given", []byte("given"))
	put(t, dir+"/changed", []byte("changed"))
	put(t, other+"/secret", []byte("secret"))
	given, changed := open(t, dir+"/given", os.O_RDONLY), open(t, dir+"/changed", os.O_RDWR)
	ran := func(confined *Confinement, script string, args ...string) (string, error) {
		c := Cmd("sh", append([]string{"-c", script, "sh"}, args...)...)
		c.Inputs = []Input{{File: dir + "/given", Open: given},
			{File: dir + "/changed", Open: changed, Write: true}}
		c.Confined, c.Dir = confined, other
		out, err := l.Query(t.Context(), c)
		return string(out), err
	}
	for script, want := range map[string]string{
		"cat /dev/fd/3":                        "given",
		"printf new >/dev/fd/4; cat /dev/fd/4": "new",
		"head -c 3 /dev/zero | tr '\\0' x":     "xxx",
	} {
		if out, err := ran(&Confinement{}, script); out != want || err != nil {
			t.Errorf("%s printed %q, error %v", script, out, err)
		}
	}
	if landlockRights() == 0 {
		return
	}
	for _, script := range []string{
		"cat $1/secret", "printf x >$1/new", "printf x >$1/secret", "rm $1/secret", "ln -s x $1/link",
		"mkdir $1/dir", "printf x >/dev/fd/3", "cat /etc/shadow",
		"cat /proc/self/environ", "ls $1", "mknod $1/pipe p",
	} {
		if out, err := ran(&Confinement{}, script, other); err == nil {
			t.Errorf("%s succeeded, and printed %q", script, out)
		}
	}
	holds(t, other+"/secret", []byte("secret"))
	if out, err := ran(&Confinement{InDir: true}, "printf x >$1/new && cat $1/new $1/secret && rm $1/new",
		other); out != "xsecret" || err != nil {
		t.Errorf("in a directory for writing, it printed %q, error %v", out, err)
	}
}

// TestNoSockets checks that a confined program cannot open sockets.
func TestNoSockets(t *testing.T) {
	c := Cmd("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/1")
	for confined, want := range map[*Confinement]string{{}: "Permission denied",
		{Network: true}: "Connection refused"} {
		c.Confined = confined
		if _, err := new(Local).Query(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", *confined, err, want)
		}
	}
}
