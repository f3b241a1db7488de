package iscsi

import (
	_ "embed" // the server
	"os/exec"
	"strings"
	"testing"

	"poolctl/pooldef"
)

//go:embed testdata/lio-server
var lioServer string

const lio = "iqn.2026-01.lab:lio"

// TestLIO logs in to the kernel's own server, whose portals are in another group than the first, which libvirt takes for granted.
func TestLIO(t *testing.T) {
	p := newPool(t, lio, pooldef.Host{Name: "127.0.0.1", Port: 3270})
	if out, err := exec.Command("sh", "-ec", lioServer).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b := newBackend(nil)
	start(t, b, p)
	if text := list(t, b, p); !strings.HasPrefix(text, "unit:0:0:7 /dev/disk/by-path/ip-127.0.0.1:3270-iscsi-"+lio+"-lun-7 36001405") || !strings.HasSuffix(text, " 50331648 <nil>\n") {
		t.Errorf("there are\n%s", text)
	}
	ok(t, b.Stop(t.Context(), p))
	direct := *p
	direct.Type, direct.Source.Initiator = pooldef.ISCSIDirect, "iqn.2026-01.lab:direct"
	path := "ip-127.0.0.1:3270-iscsi-" + lio + "-lun-7"
	expect(t, "without the kernel", volumes(t, &direct), "network unit:0:0:7 "+path+" "+path+" 50331648 50331648\n")
}
