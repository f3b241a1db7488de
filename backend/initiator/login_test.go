package initiator

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	guest  = &User{"guest", []byte("our secret")}
	server = &User{"host", []byte("the target's secret")}

	// logins lists the kinds of logins with their number of answers
	logins = []struct {
		name   string
		login  Login
		rounds int
	}{
		{"plain", login, 2},
		{"chap", Login{Initiator: login.Initiator, Target: login.Target, User: guest}, 4},
		{"mutual", Login{Initiator: login.Initiator, Target: login.Target, User: guest, Mutual: server}, 4},
	}
	mutualLogin = logins[2].login
)

// A peer is a target that follows the protocol, except for a test's changes to its answers.
type peer struct {
	change func(round int, asked, answer *message) // nil: no change
	serve  func(asked *message) []*message         // answers after the login; nil: it hangs up

	asked  answer // the keys of the last request
	theirs challenge
	knows  bool // the initiator proved that it knows its secret
	proved bool // the peer proved that it knows its secret
}

// connect returns a connection to a peer.
func (p *peer) connect(t testing.TB) net.Conn {
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close() })
	requests := make(chan *message, 4096) // the peer reads on while it writes
	go func() {
		defer close(requests)
		s := &Session{conn: theirs, messages: -maxMessages} // a higher limit for the peer
		for m, err := s.next(); err == nil; m, err = s.next() {
			select {
			case requests <- m:
			default: // drop requests that exceed the buffer
			}
		}
	}()
	go func() {
		defer theirs.Close()
		for round := 0; ; round++ {
			asked, ok := <-requests
			if !ok {
				return
			}
			answers := p.answers(round, asked)
			for _, m := range answers {
				if write(theirs, m) != nil {
					return
				}
			}
			if len(answers) == 0 {
				return
			}
		}
	}()
	return ours
}

func (p *peer) answers(round int, asked *message) []*message {
	if asked.op() != opLogin {
		if p.serve == nil {
			return nil
		}
		return p.serve(asked)
	}
	p.asked = answer{keys: keys(asked.data)}
	m := reply(asked, opLoginResponse, asked.head[1], text(p.keys()))
	if p.change != nil {
		p.change(round, asked, m)
	}
	return []*message{m}
}

// reply starts an answer to a message.
func reply(asked *message, op, flags byte, data []byte) *message {
	m := &message{data: data}
	m.head[0], m.head[1] = op, flags
	copy(m.head[16:20], asked.head[16:20])
	return m
}

// write sends a message with its numbers unchanged.
func write(w io.Writer, m *message) error {
	binary.BigEndian.PutUint32(m.head[4:], uint32(len(m.data)))
	_, err := w.Write(slices.Concat(m.head[:], m.data, make([]byte, -len(m.data)&3)))
	return err
}

// keys returns the target's answer to the keys of a request.
func (p *peer) keys() [][2]string {
	switch {
	case p.asked.value("AuthMethod") != "":
		return [][2]string{{"TargetPortalGroupTag", "1"}, {"AuthMethod", p.asked.value("AuthMethod")}}
	case p.asked.value("CHAP_A") != "":
		p.theirs = challenge{algorithms[0].hash, 255, []byte("the peer's challenge")}
		return [][2]string{
			{"CHAP_A", algorithms[0].number}, {"CHAP_I", "0xff"}, {"CHAP_C", hexValue(p.theirs.text)},
		}
	case p.asked.value("CHAP_R") != "":
		p.knows = p.asked.value("CHAP_R") == hexValue(p.theirs.proof(guest.Secret))
		if p.asked.value("CHAP_C") == "" {
			return nil
		}
		p.proved = true
		return [][2]string{{"CHAP_N", server.Name}, {"CHAP_R", hexValue(p.proof(server.Secret))}}
	}
	return nil
}

// proof returns the proof that the peer knows a secret.
func (p *peer) proof(secret []byte) []byte {
	ours := challenge{hash: p.theirs.hash}
	ours.id, _ = numericValue(p.asked.value("CHAP_I"))
	ours.text, _ = binaryValue(p.asked.value("CHAP_C"))
	return ours.proof(secret)
}

// tryLogin logs in to a peer, and fails the test if the login succeeds without the required proofs.
func tryLogin(t testing.TB, p *peer, l Login) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := Open(ctx, p.connect(t), l)
	switch {
	case ctx.Err() != nil:
		t.Errorf("the login does not end: %v", err)
	case err == nil && l.User != nil && !p.knows:
		t.Error("a login without our proof")
	case err == nil && l.Mutual != nil && !p.proved:
		t.Error("a login without the target's proof")
	}
	return err
}

// TestLoginFlags changes one answer of the target to each combination of flags, with and without its keys. A
// login may succeed only if RFC 7143 allows the flags: stay in the stage, move as requested, or send more
// parts first.
func TestLoginFlags(t *testing.T) {
	for _, kind := range logins {
		for n := range 2 * kind.rounds * 256 {
			at, flags, empty := n/256/2, byte(n), n/256%2 == 1
			allowed := false
			p := &peer{change: func(round int, asked, answer *message) {
				if round != at {
					return
				}
				current, next := asked.head[1]>>2&3, asked.head[1]&3
				moves := flags&final != 0
				allowed = flags>>2&3 == current
				if moves {
					allowed = allowed && asked.head[1]&final != 0 && flags&3 == next && flags&continued == 0
				}
				if answer.head[1] = flags; empty {
					allowed = allowed && (kind.name == "plain" || at == 3 || at == 2 && kind.name == "chap")
					answer.data = nil
				}
			}}
			err := tryLogin(t, p, kind.login)
			if (err == nil) != allowed {
				t.Errorf("%s, flags %08b in answer %d (no keys: %v): error %v", kind.name, flags, at, empty, err)
			}
		}
	}
}

// TestLoginSkipped answers all requests with the same flags and no keys.
func TestLoginSkipped(t *testing.T) {
	for _, kind := range logins {
		for flags := range 256 {
			p := &peer{change: func(_ int, _, answer *message) { answer.head[1], answer.data = byte(flags), nil }}
			if err := tryLogin(t, p, kind.login); err == nil {
				t.Errorf("%s login, always flags %08b: it works", kind.name, flags)
			}
		}
	}
}

// TestLoginHonest logs in to a target that follows the protocol, and to one that sends its answers in parts.
func TestLoginHonest(t *testing.T) {
	for _, kind := range logins {
		if err := tryLogin(t, &peer{}, kind.login); err != nil {
			t.Errorf("%s: error %v", kind.name, err)
		}
		var rest []byte
		p := &peer{change: func(round int, _, answer *message) {
			switch {
			case rest != nil:
				answer.data, rest = rest, nil
			case len(answer.data) > 0:
				rest, answer.data = answer.data[7:], answer.data[:7]
				answer.head[1] = answer.head[1]&0xc | continued
			}
		}}
		if err := tryLogin(t, p, kind.login); err != nil {
			t.Errorf("%s in parts: error %v", kind.name, err)
		}
		p = &peer{change: func(_ int, _, answer *message) { // numbers that are ignored (RFC 7143, 4.2.2.1)
			copy(answer.head[28:36], []byte{0xff, 0xff, 0xff, 0xf0, 0, 0, 0, 1})
		}}
		if err := tryLogin(t, p, kind.login); err != nil {
			t.Errorf("%s with wrong command numbers: error %v", kind.name, err)
		}
	}
}

// TestLoginKeys answers a login with mutual CHAP with keys that must be rejected.
func TestLoginKeys(t *testing.T) {
	long := "0x" + strings.Repeat("00", maxBinary+1)
	for _, test := range []struct {
		round      int
		keys, want string
	}{
		{0, "", `requests login method ""`},
		{0, "AuthMethod=None", `requests login method "None"`},
		{0, "AuthMethod=Reject", `requests login method "Reject"`},
		{0, "AuthMethod=CHAP,None", `requests login method "CHAP,None"`},
		{0, "AuthMethod=chap", `requests login method "chap"`},
		{0, "AuthMethod=CHAP AuthMethod=CHAP", `"AuthMethod" twice`},
		{0, "AuthMethod=CHAP AuthMethod=None", `"AuthMethod" twice`},
		{0, "AuthMethod=CHAP CHAP_N=host CHAP_R=0x00", "CHAP_N where it must not"},
		{0, "AuthMethod=CHAP CHAP_A=5 CHAP_I=1 CHAP_C=0x00", "CHAP_A where it must not"},
		{0, "AuthMethod=CHAP X=" + strings.Repeat("x", maxValue+1), "a value of 2051"},
		{0, "AuthMethod=CHAP " + strings.Repeat("X", maxKey+1) + "=1", "a key of 64 bytes"},
		{1, "", "all of the keys CHAP_A, CHAP_I, CHAP_C"},
		{1, "CHAP_A=5 CHAP_I=1", "all of the keys"},
		{1, "CHAP_A=5 CHAP_C=0x00", "all of the keys"},
		{1, "CHAP_I=1 CHAP_C=0x00", "all of the keys"},
		{1, "CHAP_A=5 CHAP_I=1 CHAP_C=0x00 CHAP_C=0x00", `"CHAP_C" twice`},
		{1, "CHAP_A=5 CHAP_A=6 CHAP_I=1 CHAP_C=0x00", `"CHAP_A" twice`},
		{1, "CHAP_A=5 CHAP_I=1 CHAP_C=0x00 AuthMethod=None", "AuthMethod where it must not"},
		{1, "CHAP_A=5 CHAP_I=1 CHAP_C=0x00 CHAP_N=host CHAP_R=0x00", "CHAP_N where it must not"},
		{1, "CHAP_A=8 CHAP_I=1 CHAP_C=0x00", "unknown CHAP algorithm"},
		{1, "CHAP_A=6,5 CHAP_I=1 CHAP_C=0x00", "unknown CHAP algorithm"},
		{1, "CHAP_A= CHAP_I=1 CHAP_C=0x00", "unknown CHAP algorithm"},
		{1, "CHAP_A=5 CHAP_I=256 CHAP_C=0x00", "unknown CHAP algorithm"},
		{1, "CHAP_A=5 CHAP_I=-1 CHAP_C=0x00", "unknown CHAP algorithm"},
		{1, "CHAP_A=5 CHAP_I=1_0 CHAP_C=0x00", "unknown CHAP algorithm"},
		{1, "CHAP_A=5 CHAP_I=1 CHAP_C=", "unknown CHAP algorithm"},
		{1, "CHAP_A=5 CHAP_I=1 CHAP_C=0x", "unknown CHAP algorithm"},
		{1, "CHAP_A=5 CHAP_I=1 CHAP_C=0b", "unknown CHAP algorithm"},
		{1, "CHAP_A=5 CHAP_I=1 CHAP_C=0x0", "unknown CHAP algorithm"},
		{1, "CHAP_A=5 CHAP_I=1 CHAP_C=17", "unknown CHAP algorithm"},
		{1, "CHAP_A=5 CHAP_I=1 CHAP_C=" + long, "a value of 2052"},
		{2, "", errUnproven.Error()},
		{2, "CHAP_N=host", errUnproven.Error()},
		{2, "CHAP_R=PROOF", errUnproven.Error()},
		{2, "CHAP_N=guest CHAP_R=PROOF", errUnproven.Error()},
		{2, "CHAP_N=host CHAP_R=", errUnproven.Error()},
		{2, "CHAP_N=host CHAP_R=0x00", errUnproven.Error()},
		{2, "CHAP_N=host CHAP_R=PROOF00", errUnproven.Error()},
		{2, "CHAP_N=host CHAP_R=OURS", errUnproven.Error()},
		{2, "CHAP_N=host CHAP_R=STOLEN", errUnproven.Error()},
		{2, "CHAP_N=host CHAP_R=0x00 CHAP_R=PROOF", `"CHAP_R" twice`},
		{2, "CHAP_A=6 CHAP_I=OURID CHAP_C=CHALLENGE", "CHAP_A where it must not"},
		{2, "CHAP_N=host CHAP_R=PROOF CHAP_A=6 CHAP_I=OURID CHAP_C=CHALLENGE", "CHAP_A where it must not"},
		{2, "CHAP_N=host CHAP_R=PROOF AuthMethod=None", "AuthMethod where it must not"},
		{3, "AuthMethod=None", "AuthMethod where it must not"},
		{3, "CHAP_A=6 CHAP_I=1 CHAP_C=0x00", "CHAP_A where it must not"},
		{3, "HeaderDigest=CRC32C", "HeaderDigest=CRC32C, which was not offered"},
		{3, "DataDigest=CRC32C", "DataDigest=CRC32C, which was not offered"},
	} {
		p := &peer{}
		p.change = func(round int, _, answer *message) {
			if round != test.round {
				return
			}
			words := strings.NewReplacer(" ", "\x00", "PROOF", hexValue(p.proofOf(server.Secret)),
				"STOLEN", hexValue(p.proofOf(guest.Secret)), "OURS", p.asked.value("CHAP_R"),
				"CHALLENGE", p.asked.value("CHAP_C"), "OURID", p.asked.value("CHAP_I"))
			answer.data = []byte(words.Replace(test.keys))
		}
		if err := tryLogin(t, p, mutualLogin); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("answer %d %.80q: error %v, want %q", test.round, test.keys, err, test.want)
		}
	}
}

// proofOf returns the proof if there was a challenge, and nil otherwise.
func (p *peer) proofOf(secret []byte) []byte {
	if p.theirs.hash == nil {
		return nil
	}
	return p.proof(secret)
}

// TestLoginUsers checks that logins whose mutual CHAP would prove nothing are rejected.
func TestLoginUsers(t *testing.T) {
	for want, l := range map[string]Login{
		"needs an initiator user": {Initiator: login.Initiator, Target: login.Target, Mutual: server},
		"requires different secrets": {Initiator: login.Initiator, Target: login.Target, User: guest,
			Mutual: &User{"host", guest.Secret}},
	} {
		if err := tryLogin(t, &peer{}, l); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestLoginPlainKeys answers a login without CHAP with CHAP keys.
func TestLoginPlainKeys(t *testing.T) {
	for round, keys := range []string{"AuthMethod=CHAP", "CHAP_A=5"} {
		p := &peer{change: func(at int, _, answer *message) {
			if at == round {
				answer.data = []byte(keys)
			}
		}}
		if err := tryLogin(t, p, login); err == nil {
			t.Errorf("%s: no error", keys)
		}
	}
}

// TestLoginEndless checks that an endless login is ended, without storing much of it.
func TestLoginEndless(t *testing.T) {
	for want, change := range map[string]func(asked, answer *message){
		"does not complete the login": func(asked, answer *message) {
			answer.head[1] = asked.head[1]&0xc | continued
			answer.data = nil
		},
		"keys in the target's answer have no end": func(asked, answer *message) {
			answer.head[1] = asked.head[1]&0xc | continued
			answer.data = make([]byte, maxKeys/4)
		},
		"the target does not complete the login": func(asked, answer *message) {
			answer.head[1] = asked.head[1] & 0xc
		},
	} {
		for _, kind := range logins {
			p := &peer{change: func(_ int, asked, answer *message) { change(asked, answer) }}
			if err := tryLogin(t, p, kind.login); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %q", kind.name, err, want)
			}
		}
	}
}

// TestLoginMessages answers a login with other messages, with answers to other requests, and with a
// redirection.
func TestLoginMessages(t *testing.T) {
	for want, change := range map[string]func(answer *message){
		"answered request 4294967295, not 1": func(m *message) {
			binary.BigEndian.PutUint32(m.head[16:],
				none)
		},
		"answered request 2, not 1": func(m *message) { m.head[19] = 2 },
		"type 0x20, not 0x23":       func(m *message) { m.head[0] = opNopIn },
		"type 0x21, not 0x23":       func(m *message) { m.head[0] = opResponse },
		"type 0x3, not 0x23":        func(m *message) { m.head[0] = opLogin },
		"the target has moved":      func(m *message) { redirect(m, 1) },
	} {
		for _, kind := range logins {
			for at := range kind.rounds {
				p := &peer{change: func(round int, _, answer *message) {
					if round == at {
						change(answer)
					}
				}}
				if err := tryLogin(t, p, kind.login); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%s, answer %d: error %v, want %q", kind.name, at, err, want)
				}
			}
		}
	}
	refused := (*RefusedError)(nil)
	p := &peer{change: func(_ int, _, answer *message) { redirect(answer, 2) }}
	if err := tryLogin(t, p, mutualLogin); !errors.As(err, &refused) || refused.Detail != 2 {
		t.Errorf("error %v", err)
	}
}

// TestLoginStatuses refuses a login with every class of status.
func TestLoginStatuses(t *testing.T) {
	for _, kind := range logins {
		for n := range kind.rounds * 12 {
			at, class, detail := n/12, []byte{0, 1, 2, 3, 4, 255}[n/2%6], byte(n%2)
			p := &peer{change: func(round int, _, answer *message) {
				if round == at {
					answer.head[36], answer.head[37] = class, detail
				}
			}}
			refused := (*RefusedError)(nil)
			err := tryLogin(t, p, kind.login)
			if (err == nil) != (class == 0) || err != nil && !errors.As(err, &refused) {
				t.Errorf("%s, status %02x%02x in answer %d: error %v", kind.name, class, detail, at, err)
			}
		}
	}
}

// TestLoginNames checks that names which a target gives to the session, and addresses to which it redirects,
// are ignored: only its proof identifies the target, and the login continues on its connection.
func TestLoginNames(t *testing.T) {
	for _, kind := range logins {
		for n := range 8 {
			p := &peer{change: func(_ int, asked, answer *message) {
				if copy(answer.head[8:14], asked.head[8:14]); n&1 != 0 {
					copy(answer.head[8:14], "\xff\xff\xff\xff\xff\xff") // ISID
				}
				if n&2 != 0 {
					copy(answer.head[14:16], "\xff\xff") // TSIH
				}
				if n&4 != 0 {
					const elsewhere = "TargetAddress=192.0.2.1:3260,1\x00TargetAlias=other\x00"
					answer.data = append(answer.data, elsewhere...)
				}
			}}
			if err := tryLogin(t, p, kind.login); err != nil {
				t.Errorf("%s, case %03b: error %v", kind.name, n, err)
			}
		}
	}
}

// TestLoginNamesSession checks that each session has a different name. If a name were reused, the target
// would end the other session.
func TestLoginNamesSession(t *testing.T) {
	seen := map[string]bool{}
	for range 32 {
		p := &peer{change: func(round int, asked, _ *message) {
			if round == 0 {
				seen[string(asked.head[8:14])] = true
			}
			if asked.head[8]>>6 != 2 || asked.head[14] != 0 || asked.head[15] != 0 {
				t.Errorf("the session is named % x", asked.head[8:16])
			}
		}}
		if err := tryLogin(t, p, login); err != nil {
			t.Error(err)
		}
	}
	if len(seen) != 32 {
		t.Errorf("32 sessions have %d names", len(seen))
	}
}

// TestLoginParameters checks the answers to proposals of the target that were not offered.
func TestLoginParameters(t *testing.T) {
	for asked, want := range map[string]string{
		"IFMarker=Yes":                 "IFMarker=No",
		"OFMarker=Yes":                 "OFMarker=No",
		"X-lab=a,b":                    "X-lab=a",
		"X-lab=":                       "X-lab=None",
		"TargetAddress=192.0.2.1":      "",
		"MaxRecvDataSegmentLength=512": "",
	} {
		var got []byte
		p := &peer{change: func(round int, asks, answer *message) {
			switch round {
			case 1:
				answer.head[1], answer.data = answer.head[1]&0xc, []byte(asked+"\x00")
			case 2:
				got = asks.data
			}
		}}
		if err := tryLogin(t, p, login); err != nil || strings.TrimSuffix(string(got), "\x00") != want {
			t.Errorf("%s is answered by %q, error %v", asked, got, err)
		}
	}
}

// redirect sends the initiator to another address (RFC 7143, 11.13.5).
func redirect(m *message, detail byte) {
	m.head[36], m.head[37] = 1, detail
	m.data = text([][2]string{{"TargetAddress", "127.0.0.1:1,1"}})
}

// FuzzLogin answers logins with arbitrary flags and keys. No input can contain valid proofs.
func FuzzLogin(f *testing.F) {
	f.Add([]byte("\x00AuthMethod=CHAP\n\x00CHAP_A=5 CHAP_I=1 CHAP_C=0x01\n\x81CHAP_N=host CHAP_R=0x00\n\x87"))
	f.Add([]byte("\x83"))
	f.Add([]byte("\x81AuthMethod=None\n\x87HeaderDigest=None\n\x87"))
	f.Add([]byte("\x00AuthMethod=CHAP\n\x40CHAP_A=5 CHAP_I=1\n\x00 CHAP_C=0bAQ==\n\x01\n\x83"))
	f.Fuzz(func(t *testing.T, data []byte) {
		answers := strings.Split(string(data), "\n")
		p := &peer{change: func(round int, _, answer *message) {
			line := answers[min(round, len(answers)-1)]
			if answer.data = nil; line != "" {
				answer.head[1], answer.data = line[0], []byte(strings.ReplaceAll(line[1:], " ", "\x00"))
			}
		}}
		for _, kind := range logins[1:] {
			p.knows, p.proved = false, false
			s, err := Open(t.Context(), p.connect(t), kind.login)
			if err == nil && kind.login.Mutual != nil {
				t.Errorf("%s: a login without the target's proof", kind.name)
			}
			if err == nil {
				s.conn.Close()
			}
		}
	})
}
