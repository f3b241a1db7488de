package initiator

import (
	"bytes"
	_ "embed" // recorded answers of a target
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// Answers of tgt 1.0.79 to a login, to the queries for its units and its targets, and to the logout. The
// tests of package iscsi send the same queries to a live target.
var (
	//go:embed testdata/units.bin
	units []byte
	//go:embed testdata/targets.bin
	targets []byte
)

// fakeTarget returns a connection to a target that sends the given data and hangs up, whatever it receives.
func fakeTarget(t testing.TB, data []byte) net.Conn {
	ours, theirs := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	go func() {
		_, _ = theirs.Write(data)
		theirs.Close()
	}()
	t.Cleanup(func() { ours.Close() })
	return ours
}

// query logs in, queries units or targets, and logs out.
func query(t testing.TB, data []byte, l Login) (string, error) {
	s, err := Open(t.Context(), fakeTarget(t, data), l)
	if err != nil {
		return "", err
	}
	defer s.Close()
	if l.Target == "" {
		names, err := s.Targets()
		return fmt.Sprint(names), err
	}
	all, err := s.Units()
	return fmt.Sprint(all), err
}

var login = Login{Initiator: "iqn.2026-01.lab:guest", Target: "iqn.2026-01.lab:disks"}

func TestRecorded(t *testing.T) {
	if got, err := query(t, units, login); got != "[{0 12 0} {1 0 67108864} {2 0 33554432}]" || err != nil {
		t.Errorf("units: %s, error %v", got, err)
	}
	if got, err := query(
		t, targets, Login{Initiator: login.Initiator},
	); got != "[iqn.2026-01.lab:disks iqn.2026-01.lab:chap]" || err != nil {
		t.Errorf("targets: %s, error %v", got, err)
	}
}

// TestBroken truncates and changes the target's answers. Each change must be an error.
func TestBroken(t *testing.T) {
	const logout = 48 // the answer to the logout is last, and optional
	for n := range len(units) - logout {
		if got, err := query(t, units[:n], login); err == nil {
			t.Fatalf("after %d bytes: %s", n, got)
		}
	}
	change := func(at int, with ...byte) []byte {
		data := bytes.Clone(units)
		copy(data[at:], with)
		return data
	}
	for want, data := range map[string][]byte{
		"exceeds the negotiated maximum": change(5, 0xff),
		"no such target":                 change(36, 2, 3),
		"the target has moved":           change(36, 1, 1),
		"status 0300":                    change(36, 3, 0),
		"rejects a message, reason 0x4":  change(0, opReject, 0, 4),
		"ends the session, event 0":      change(0, opAsync),
		"of type 0x24, not 0x23":         change(0, opTextResponse),
	} {
		if _, err := query(t, data, login); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
	refused := (*RefusedError)(nil)
	_, err := query(t, nil, login)
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "closed the connection") {
		t.Errorf("error %v", err)
	}
	if _, err := query(t, change(36, 2, 1), login); !errors.As(err, &refused) ||
		!strings.Contains(err.Error(), "CHAP") {
		t.Errorf("error %v", err)
	}
}

// TestEndless checks that endless answers are rejected.
func TestEndless(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	go func() {
		first := bytes.Index(targets, []byte{opTextResponse, final})
		_, err := theirs.Write(targets[:first])
		more := &message{data: make([]byte, maxData)}
		copy(more.head[:], targets[first:])
		more.head[1], more.head[5], more.head[6], more.head[7] = 0, maxData>>16, 0, 0
		for err == nil {
			_, err = theirs.Write(append(more.head[:], more.data...))
		}
	}()
	s, err := Open(t.Context(), ours, Login{Initiator: login.Initiator})
	if err != nil {
		t.Fatal(err)
	}
	if names, err := s.Targets(); err == nil || !strings.Contains(err.Error(), "has no end") {
		t.Errorf("%d targets, error %v", len(names), err)
	}
}

// FuzzTarget logs in to a target that sends arbitrary data.
func FuzzTarget(f *testing.F) {
	f.Add(units, true)
	f.Add(targets, false)
	f.Fuzz(func(t *testing.T, data []byte, ofUnits bool) {
		l := login
		l.User, l.Mutual = &User{"guest", []byte("secret")}, &User{"host", []byte("other")}
		if !ofUnits {
			l = Login{Initiator: login.Initiator}
		}
		_, _ = query(t, data, l)
		l.User, l.Mutual = nil, nil
		_, _ = query(t, data, l)
	})
}
