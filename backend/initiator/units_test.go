package initiator

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

// capacity is an answer to READ CAPACITY (16), capacity32 one to READ CAPACITY (10).
func capacity(last uint64, length uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, last), length)
}

func capacity32(last, length uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, last), length)
}

// disk returns a peer with one disk of the given capacities; nil: the command is refused.
func disk(long, short []byte) *peer {
	return &peer{serve: func(asked *message) []*message {
		data := map[byte][]byte{
			reportLUNs[0]: {3: 8, 9: 1, 15: 0},
			inquiry[0]:    make([]byte, 36),
			capacity16[0]: long,
			capacity10[0]: short,
		}[asked.head[32]]
		if data == nil {
			m := reply(asked, opResponse, final, []byte{0, 18, 0x70, 0, 5})
			m.head[3] = 2 // CHECK CONDITION, ILLEGAL REQUEST
			return []*message{m}
		}
		return []*message{reply(asked, opDataIn, final|1, data)}
	}}
}

// unitsOf queries a peer's units.
func unitsOf(t testing.TB, p *peer) ([]Unit, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := Open(ctx, p.connect(t), login)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		s.Close()
		if ctx.Err() != nil {
			t.Error("the query does not end")
		}
	}()
	return s.Units()
}

// TestCapacity checks units' sizes, and that invalid capacities are rejected.
func TestCapacity(t *testing.T) {
	const tooLarge, empty, unknown = "its size overflows", "its block size is 0",
		"larger than it can report"
	for _, test := range []struct {
		name        string
		long, short []byte
		size        uint64
		err         string
	}{
		{"16: one block", capacity(0, 512), nil, 512, ""},
		{"16: with more of the answer", append(capacity(9, 4096), 0, 0, 0, 0), nil, 40960, ""},
		{"16: just counted", capacity(1<<55-2, 512), nil, math.MaxUint64 - 511, ""},
		{"16: one block more", capacity(1<<55-1, 512), nil, 0, tooLarge},
		{"16: last block 2^64-1", capacity(math.MaxUint64, 512), nil, 0, tooLarge},
		{"16: last block 2^64-1 of a byte", capacity(math.MaxUint64, 1), nil, 0, tooLarge},
		{"16: last block 2^64-2 of a byte", capacity(math.MaxUint64-1, 1), nil, math.MaxUint64, ""},
		{"16: all ones", capacity(math.MaxUint64, math.MaxUint32), nil, 0, tooLarge},
		{"16: no block length", capacity(9, 0), nil, 0, empty},
		{"16: last block 2^64-1, no block length", capacity(math.MaxUint64, 0), nil, 0, empty},
		{"16: short, then 10", []byte{1}, capacity32(9, 512), 5120, ""},
		{"10: one block", nil, capacity32(0, 512), 512, ""},
		{"10: just counted", nil, capacity32(math.MaxUint32-1, math.MaxUint32), math.MaxUint32 * math.MaxUint32,
			""},
		{"10: does not fit", nil, capacity32(math.MaxUint32, 512), 0, unknown},
		{"10: no block length", nil, capacity32(9, 0), 0, empty},
		{"10: short", nil, []byte{1, 2, 3}, 0, "its capacity answer has 3 bytes"},
		{"neither", nil, nil, 0, "the command 0x25 fails"},
	} {
		all, err := unitsOf(t, disk(test.long, test.short))
		switch {
		case test.err != "":
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: %v, error %v", test.name, all, err)
			}
		case err != nil || len(all) != 1 || all[0].Size != test.size:
			t.Errorf("%s: %v, error %v, want %d", test.name, all, err, test.size)
		}
	}
}

// TestUnitsEndless checks that a query ends if the target sends endless other messages.
func TestUnitsEndless(t *testing.T) {
	for name, flood := range map[string]func(asked *message) *message{
		"data without bytes": func(asked *message) *message { return reply(asked, opDataIn, 0, nil) },
		"questions":          func(asked *message) *message { return reply(asked, opNopIn, final, nil) },
		"other answers":      func(*message) *message { return reply(&message{}, opResponse, final, nil) },
		"texts":              func(asked *message) *message { return reply(asked, opTextResponse, 0, nil) },
	} {
		all, err := unitsOf(t, &peer{serve: func(asked *message) []*message {
			return slices.Repeat([]*message{flood(asked)}, maxMessages+1)
		}})
		if err == nil {
			t.Errorf("%s: %v", name, all)
		}
	}
	busy := func(asked *message) []*message { // unit attention
		m := reply(asked, opResponse, final, []byte{0, 18, 0x70, 0, 6})
		m.head[3] = 2
		return []*message{m}
	}
	if all, err := unitsOf(t, &peer{serve: busy}); err == nil ||
		!strings.Contains(err.Error(), "sense key 0x6") {
		t.Errorf("%v, error %v", all, err)
	}
}

// TestUnitsAnswers checks that only the answer to the query is accepted, and only if the command succeeded.
func TestUnitsAnswers(t *testing.T) {
	honest := disk(capacity(9, 512), nil)
	for want, change := range map[string]func(m *message){
		"answered request":               func(m *message) { m.head[19]++ },
		"of type 0x24, not 0x21":         func(m *message) { m.head[0] = opTextResponse },
		"of type 0x31, not 0x21":         func(m *message) { m.head[0] = 0x31 }, // ready for data
		"rejects a message":              func(m *message) { m.head[0] = opReject },
		"ends the session":               func(m *message) { m.head[0] = opAsync },
		"status 0x8":                     func(m *message) { m.head[3] = 8 },
		"response 0x1":                   func(m *message) { m.head[0], m.head[2] = opResponse, 1 },
		"more than requested":            func(m *message) { m.data = make([]byte, 1<<16+1) },
		"exceeds the negotiated maximum": func(m *message) { m.data = make([]byte, maxData+1) },
		"answered request 4294":          func(m *message) { binary.BigEndian.PutUint32(m.head[16:], none) },
	} {
		all, err := unitsOf(t, &peer{serve: func(asked *message) []*message {
			answers := honest.serve(asked)
			change(answers[0])
			return answers
		}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, error %v", want, all, err)
		}
	}
}

// lun returns an entry of the list of units, in one of the addressing methods (SAM-5, 4.7).
func lun(method, number byte) string { return string([]byte{method << 6, number, 0, 0, 0, 0, 0, 0}) }

// TestUnitsLies parses lists and descriptions of units that are short or inconsistent.
func TestUnitsLies(t *testing.T) {
	disk36, head := string(make([]byte, 36)), func(length uint32) string {
		return string(binary.BigEndian.AppendUint32(nil, length)) + "\x00\x00\x00\x00"
	}
	for _, test := range []struct{ name, list, inquiry, want string }{
		{"one", head(8) + lun(0, 1), disk36, "[{1 0 5120}]"},
		{"nothing", "", disk36, "[]"},
		{"half a length", "\x00\x00", disk36, "[]"},
		{"no units", head(0), disk36, "[]"},
		{"more than it says", head(8) + lun(0, 1) + lun(0, 2), disk36, "[{1 0 5120}]"},
		{"less than it says", head(1<<32-1) + lun(0, 1), disk36, "[{1 0 5120}]"},
		{"half a unit", head(16) + lun(0, 1) + "\x00\x02", disk36, "[{1 0 5120}]"},
		{"a length of no whole units", head(9) + lun(0, 1) + lun(0, 2), disk36, "[{1 0 5120} {2 0 5120}]"},
		{"twice", head(16) + lun(0, 1) + lun(0, 1), disk36, "LUN 1 twice"},
		{"twice, in two ways", head(16) + lun(0, 1) + lun(1, 1), disk36, "LUN 1 twice"},
		{"on two levels", head(16) + lun(0, 1) + "\x00\x01\x00\x05\x00\x00\x00\x00", disk36,
			"LUN 1 twice"},
		{"nobody there", head(8) + lun(0, 1), "\x7f" + disk36[1:], "[]"},
		{"says nothing", head(8) + lun(0, 1), "", "[]"},
		{"says one byte", head(8) + lun(0, 1), "\x05", "[{1 5 5120}]"},
		{"a tape", head(8) + lun(0, 1), "\x01" + disk36[1:], "[{1 1 0}]"},
		{"says too much", head(8) + lun(0, 1), disk36 + "x", "more than requested"},
		{"too many", head(1<<16) + strings.Repeat("x", 1<<16), disk36, "more than requested"},
	} {
		p := &peer{serve: func(asked *message) []*message {
			size := string(capacity(9, 512))
			data := map[byte]string{
				reportLUNs[0]: test.list, inquiry[0]: test.inquiry, capacity16[0]: size,
			}[asked.head[32]]
			return []*message{reply(asked, opDataIn, final|1, []byte(data))}
		}}
		all, err := unitsOf(t, p)
		got := fmt.Sprint(all)
		if err == nil && got != test.want || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %s, error %v, want %s", test.name, got, err, test.want)
		}
	}
}

// TestTargetsEndless checks that an endless list of targets is rejected.
func TestTargetsEndless(t *testing.T) {
	for name, data := range map[string][]byte{
		"empty": nil, "one name": []byte("TargetName=iqn.2026-01.lab:x\x00"),
	} {
		p := &peer{serve: func(asked *message) []*message {
			return []*message{reply(asked, opTextResponse, 0, data)}
		}}
		s, err := Open(t.Context(), p.connect(t), Login{Initiator: login.Initiator})
		if err != nil {
			t.Fatal(err)
		}
		if names, err := s.Targets(); err == nil || !strings.Contains(err.Error(), "has no end") {
			t.Errorf("%s: %d targets, error %v", name, len(names), err)
		}
		s.Close()
	}
}

// FuzzTargets answers the query for targets with arbitrary text, in arbitrary parts.
func FuzzTargets(f *testing.F) {
	two := "TargetName=iqn.2026-01.lab:x\x00TargetAddress=192.0.2.1:3260,1\x00TargetName=iqn.2026-01.lab:y\x00"
	f.Add([]byte(two), byte(9), byte(final))
	f.Add([]byte("TargetName=../x\x00TargetName\x00=\x00TargetName="), byte(1), byte(final|continued))
	f.Add([]byte{}, byte(0), byte(0))
	f.Fuzz(func(t *testing.T, text []byte, piece, flags byte) {
		rest := text
		p := &peer{serve: func(asked *message) []*message {
			n := min(len(rest), int(piece)+1)
			m := reply(asked, opTextResponse, 0, rest[:n])
			if rest = rest[n:]; len(rest) == 0 {
				m.head[1] = flags | final
			}
			return []*message{m}
		}}
		s, err := Open(t.Context(), p.connect(t), Login{Initiator: login.Initiator})
		if err != nil {
			t.Fatal(err)
		}
		defer s.conn.Close()
		names, err := s.Targets()
		total := 0
		for _, name := range names {
			total += len(name)
		}
		if err != nil || total > len(text) || len(names) > len(text) {
			t.Errorf("%d targets of %d bytes, error %v", len(names), len(text), err)
		}
	})
}

// FuzzCapacity compares sizes with computations on big integers.
func FuzzCapacity(f *testing.F) {
	f.Add(uint64(0), uint32(0))
	f.Add(uint64(math.MaxUint64), uint32(1))
	f.Add(uint64(1<<55-1), uint32(512))
	f.Add(uint64(math.MaxUint32), uint32(math.MaxUint32))
	f.Fuzz(func(t *testing.T, last uint64, length uint32) {
		want := new(big.Int).SetUint64(last)
		want.Add(want, big.NewInt(1)).Mul(want, big.NewInt(int64(length)))
		size, err := product(last, length)
		countable := length > 0 && want.IsUint64()
		if countable != (err == nil) || countable && want.Uint64() != size {
			t.Errorf("%d blocks up to %d: %d, error %v", length, last, size, err)
		}
	})
}

// FuzzUnits answers the queries for units with arbitrary data and flags.
func FuzzUnits(f *testing.F) {
	one, endless := []byte{3: 8, 9: 1, 15: 0}, []byte{0xff, 0xff, 0xff, 0xff, 8: 0x40, 15: 0}
	f.Add(one, make([]byte, 36), capacity(9, 512), byte(final|1), byte(0))
	f.Add(endless, []byte{5}, capacity(math.MaxUint64, 1), byte(1), byte(0))
	f.Add([]byte{1}, []byte{}, []byte{}, byte(0), byte(2))
	f.Fuzz(func(t *testing.T, list, who, size []byte, flags, status byte) {
		p := &peer{serve: func(asked *message) []*message {
			data := map[byte][]byte{reportLUNs[0]: list, inquiry[0]: who}[asked.head[32]]
			if asked.head[32] == capacity16[0] || asked.head[32] == capacity10[0] {
				data = size
			}
			if flags&1 == 0 {
				last := reply(asked, opResponse, final, nil)
				last.head[3] = status
				return []*message{reply(asked, opDataIn, flags, data), last}
			}
			return []*message{reply(asked, opDataIn, flags, data)}
		}}
		all, err := unitsOf(t, p)
		for _, u := range all {
			if err == nil && u.Type == Disk && u.Size == 0 {
				t.Errorf("a disk of no bytes: %+v", u)
			}
		}
	})
}
