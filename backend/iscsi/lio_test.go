package iscsi

import (
	_ "embed" // the server
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"poolctl/pooldef"
)

//go:embed testdata/lio-server
var lioServer string

const lio, lioCHAP = "iqn.2026-01.lab:lio", "iqn.2026-01.lab:lio-chap"

// startLIO starts the server, unless it runs.
func startLIO(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("sh", "-ec", lioServer).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// TestLIO logs in to the kernel's own server. Its portals are not in group 1, which libvirt assumes.
func TestLIO(t *testing.T) {
	p := newPool(t, lio, pooldef.Host{Name: "127.0.0.1", Port: 3270})
	startLIO(t)
	b := newBackend(nil)
	start(t, b, p)
	if text := list(t, b, p); !strings.HasPrefix(
		text, "unit:0:0:7 /dev/disk/by-path/ip-127.0.0.1:3270-iscsi-"+lio+"-lun-7 36001405",
	) || !strings.HasSuffix(text, " 50331648 <nil>\n") {
		t.Errorf("got\n%s", text)
	}
	ok(t, b.Stop(t.Context(), p))
	direct := *p
	direct.Type, direct.Source.Initiator = pooldef.ISCSIDirect, "iqn.2026-01.lab:direct"
	path := "ip-127.0.0.1:3270-iscsi-" + lio + "-lun-7"
	expect(
		t, "without the kernel", volumes(t, &direct), "network unit:0:0:7 "+path+" "+path+" 50331648 50331648\n",
	)
}

// TestLIOCHAP logs in with secrets, with open-iscsi and directly.
func TestLIOCHAP(t *testing.T) {
	p := newPool(t, lioCHAP, pooldef.Host{Name: "127.0.0.1", Port: 3271})
	startLIO(t)
	direct := *p
	direct.Type, direct.Source.Initiator = pooldef.ISCSIDirect, "iqn.2026-01.lab:direct"
	path := "ip-127.0.0.1:3271-iscsi-" + lioCHAP + "-lun-7"
	works := "network unit:0:0:7 " + path + " " + path + " 50331648 50331648\n"
	refused := "the server 127.0.0.1:3271 refuses the login to " + lioCHAP + ": "
	wrong := "wrong user or secret, or CHAP login required"
	for _, test := range []struct {
		auth *pooldef.Auth
		want string
	}{
		{nil, refused + "the target closed the connection"},
		{chapAuth("wrong", "host"), refused + wrong},
		{chapAuth("guest", ""), works},
		{chapAuth("guest", "host"), works},
		{chapAuth("guest", "wrong"),
			"the server 127.0.0.1:3271: the target does not know its own secret (mutual CHAP)"},
	} {
		direct.Source.Auth = test.auth
		expect(t, fmt.Sprintf("%+v", test.auth), volumes(t, &direct), test.want)
	}
	p.Source.Auth = chapAuth("guest", "host")
	b := newBackend(secrets)
	start(t, b, p)
	if text := list(t, b, p); !strings.HasPrefix(text, "unit:0:0:7 ") {
		t.Errorf("got\n%s", text)
	}
	ok(t, b.Stop(t.Context(), p))
	p.Source.Auth = chapAuth("guest", "wrong")
	if err := b.Start(t.Context(), p); err == nil || !strings.Contains(err.Error(), "mutual CHAP") {
		t.Errorf("error %v", err)
	}
}
