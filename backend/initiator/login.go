package initiator

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
)

// The stages of a login (RFC 7143, 11.12.3).
const (
	security    = 0
	operational = 1
	full        = 3
)

// rounds is how often the two sides may talk before a login has to be done.
const rounds = 12

// A negotiation is a login that goes on.
type negotiation struct {
	*Session
	stage byte
	task  uint32
	chap  *challenge // what is to be answered, and what to ask
}

func (s *Session) login(l Login) error {
	n := &negotiation{Session: s, task: s.task, chap: newChallenge(l)}
	s.task++
	pairs := [][2]string{{"InitiatorName", l.Initiator}, {"SessionType", "Discovery"}, {"AuthMethod", "None"}}
	if l.Target != "" {
		pairs[1] = [2]string{"SessionType", "Normal"}
		pairs = append(pairs, [2]string{"TargetName", l.Target})
	}
	next := byte(operational)
	if l.User != nil {
		pairs[2], next = [2]string{"AuthMethod", "CHAP"}, security
	}
	for range rounds {
		in, err := n.say(next, pairs)
		if err != nil {
			return err
		}
		if in.head[1]&final != 0 {
			n.stage = in.head[1] & 3
		}
		switch {
		case in.head[1]&final != 0 && n.stage == full:
			return nil
		case n.stage == operational && next != full:
			if err := n.chap.isProven(keys(in.data)); err != nil {
				return err
			}
			next, pairs = full, offers(l)
		case n.stage == operational:
			pairs = accept(keys(in.data))
		default:
			if next, pairs, err = n.chap.answer(keys(in.data)); err != nil {
				return err
			}
		}
	}
	return errors.New("the target does not come to an end with the login")
}

// say sends keys, and asks to go on to a stage, if it is another.
func (n *negotiation) say(next byte, pairs [][2]string) (*message, error) {
	flags := n.stage << 2
	if next != n.stage {
		flags |= final | next
	}
	m := &message{data: text(pairs)}
	m.head[0], m.head[1] = opLogin|immediate, flags
	copy(m.head[8:14], n.id[:])
	binary.BigEndian.PutUint32(m.head[16:], n.task)
	if err := n.send(m); err != nil {
		return nil, err
	}
	in, err := n.expect(opLoginReponse)
	if err == nil && in.head[36] != 0 {
		err = &RefusedError{in.head[36], in.head[37]}
	}
	return in, err
}

// offers are our part of what both sides agree on.
func offers(l Login) [][2]string {
	pairs := [][2]string{{"HeaderDigest", "None"}, {"DataDigest", "None"}, {"MaxRecvDataSegmentLength", "262144"}, {"DefaultTime2Wait", "0"},
		{"DefaultTime2Retain", "0"}, {"ErrorRecoveryLevel", "0"}}
	if l.Target != "" {
		pairs = append(pairs, [][2]string{{"MaxConnections", "1"}, {"InitialR2T", "Yes"}, {"ImmediateData", "Yes"}, {"MaxBurstLength", "262144"},
			{"FirstBurstLength", "65536"}, {"MaxOutstandingR2T", "1"}, {"DataPDUInOrder", "Yes"}, {"DataSequenceInOrder", "Yes"}}...)
	}
	return pairs
}

// declared are keys that are told, not agreed on.
var declared = []string{"TargetAlias", "TargetAddress", "TargetPortalGroupTag", "MaxRecvDataSegmentLength"}

// accept takes what the target asks for beyond our offers, of a list the first.
func accept(pairs [][2]string) [][2]string {
	var answers [][2]string
	ours := offers(Login{Target: "x"})
	for _, p := range pairs {
		isAnswer := slices.ContainsFunc(ours, func(o [2]string) bool { return o[0] == p[0] })
		if !isAnswer && !slices.Contains(declared, p[0]) {
			first, _, _ := strings.Cut(p[1], ",")
			answers = append(answers, [2]string{p[0], cmp.Or(first, "None")})
		}
	}
	return answers
}
