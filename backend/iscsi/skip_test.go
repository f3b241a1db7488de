package iscsi

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"poolctl/backend/backendtest"
	"poolctl/pooldef"
)

// skipper runs a target that completes every login at the first message, without CHAP.
func skipper(t *testing.T) (port int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go skip(c)
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func skip(c net.Conn) {
	defer c.Close()
	var asked, answer [48]byte
	for number := uint32(0); ; number++ {
		if _, err := io.ReadFull(c, asked[:]); err != nil {
			return
		}
		length := int64(binary.BigEndian.Uint32(asked[4:]) & 0xffffff)
		if _, err := io.CopyN(io.Discard, c, (length+3)/4*4); err != nil || asked[0]&0x3f != 3 { // a login request
			return
		}
		answer = [48]byte{0: 0x23, 1: 0x80 | asked[1]&0xc | 3, 15: 1} // transition to the full feature phase
		copy(answer[8:14], asked[8:14])
		copy(answer[16:20], asked[16:20])
		binary.BigEndian.PutUint32(answer[24:], number)
		copy(answer[28:32], asked[24:28])
		binary.BigEndian.PutUint32(answer[32:], binary.BigEndian.Uint32(asked[24:])+8)
		if _, err := c.Write(answer[:]); err != nil {
			return
		}
	}
}

// TestSkippedCHAP checks that a login fails, with open-iscsi and directly, if the target skips CHAP or does
// not prove its identity.
func TestSkippedCHAP(t *testing.T) {
	backendtest.NeedsLab(t, "iSCSI targets")
	p := newPool(t, chap, pooldef.Host{Name: "127.0.0.1", Port: skipper(t)})
	direct := *p
	direct.Type, direct.Source.Initiator = pooldef.ISCSIDirect, "iqn.2026-01.lab:direct"
	for _, auth := range []*pooldef.Auth{chapAuth("guest", ""), chapAuth("guest", "host")} {
		direct.Source.Auth, p.Source.Auth = auth, auth
		if text := volumes(t, &direct); !strings.Contains(text, "leaves stage 0 of the login too early") {
			t.Errorf("mutual %v: %s", auth.Mutual != nil, text)
		}
		b := New(newBackend(nil).Host, secrets, 10*time.Second)
		if err := b.Start(t.Context(), p); err == nil {
			t.Errorf("mutual %v: state\n%s", auth.Mutual != nil, state(t))
			ok(t, b.leave(t.Context(), p, target{iqn: chap}))
		} else {
			t.Log(err)
		}
	}
}
