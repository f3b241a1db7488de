package initiator

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"syscall"
)

// The stages of a login (RFC 7143, 11.12.3).
const (
	security    = 0
	operational = 1
	full        = 3
)

// A login fails if it takes more messages than maxRounds, or if an answer has more bytes of keys than
// maxKeys.
const (
	maxRounds = 16
	maxKeys   = 1 << 16
)

// A request is a message of the initiator in a stage of the login. The target may agree to move to the next
// stage, but not to another.
type request struct {
	stage, next byte // equal: the login stays in the stage
	keys        [][2]string
}

// An answer is a target's complete answer to a request.
type answer struct {
	moved bool // the target agreed to move to the next stage
	keys  [][2]string
}

// A step checks the answer to a request, and returns the next request with its step. The last step returns a
// nil step. Each step names its successor, so that a target cannot choose or skip a step.
type step func(answer) (request, step, error)

// A negotiation is a login in progress: its steps, from first to parameters.
type negotiation struct {
	Login
	proof []byte // the answer to our challenge that the target must send; nil without mutual CHAP
}

// A dialogue exchanges the messages of one login.
type dialogue struct {
	*Session
	task   uint32
	rounds int
}

func (s *Session) login(l Login) error {
	if err := l.check(); err != nil {
		return err
	}
	d := &dialogue{Session: s, task: s.task}
	s.task++
	r, check := (&negotiation{Login: l}).first()
	for check != nil {
		in, err := d.exchange(r)
		if err != nil {
			return err
		}
		if r, check, err = check(in); err != nil {
			return err
		}
	}
	return nil
}

// check returns an error if mutual CHAP is impossible or would prove nothing.
func (l Login) check() error {
	switch {
	case l.Mutual == nil:
		return nil
	case l.User == nil:
		return errors.New("mutual CHAP also needs an initiator user and secret")
	// our answers would also be valid as the target's (RFC 7143, 12.1.3)
	case bytes.Equal(l.User.Secret, l.Mutual.Secret):
		return errors.New("the target's secret equals the initiator's: mutual CHAP requires different secrets")
	}
	return nil
}

// first returns the first request of a login. With a user, it offers only CHAP.
func (n *negotiation) first() (request, step) {
	r, check := request{security, operational, nil}, n.unauthenticated
	method := "None"
	if n.User != nil {
		r.next, check, method = security, n.checkMethod, "CHAP"
	}
	r.keys = [][2]string{{"InitiatorName", n.Initiator}, {"SessionType", "Discovery"}, {"AuthMethod", method}}
	if n.Target != "" {
		r.keys[1][1] = "Normal"
		r.keys = append(r.keys, [2]string{"TargetName", n.Target})
	}
	return r, check
}

// unauthenticated checks that the target agrees to a login without CHAP. The agreement may be implicit.
func (n *negotiation) unauthenticated(in answer) (request, step, error) {
	if _, err := in.security("AuthMethod"); err == nil {
		if method := in.value("AuthMethod"); method != "None" {
			return request{}, nil, fmt.Errorf("the target chose login method %q, which was not offered", method)
		}
		return n.leaveSecurity(answer{moved: in.moved})
	}
	return n.leaveSecurity(in)
}

// leaveSecurity moves to the operational stage as soon as the target agrees.
func (n *negotiation) leaveSecurity(in answer) (request, step, error) {
	if _, err := in.security(); err != nil {
		return request{}, nil, err
	}
	if in.moved {
		return request{operational, full, offers(n.Login)}, n.parameters, nil
	}
	return request{security, operational, nil}, n.leaveSecurity, nil
}

// exchange sends a request and returns the complete answer, which may have several parts (RFC 7143, 7.2).
func (d *dialogue) exchange(r request) (answer, error) {
	var data []byte
	for {
		in, err := d.roundTrip(r)
		if err != nil {
			return answer{}, err
		}
		moved, more, err := r.check(in.head[1])
		if err != nil {
			return answer{}, err
		}
		if data = append(data, in.data...); len(data) > maxKeys {
			return answer{}, errors.New("the keys in the target's answer have no end")
		}
		if !more {
			keys, err := uniqueKeys(data)
			return answer{moved, keys}, err
		}
		r = request{stage: r.stage, next: r.stage} // an empty request asks for the next part
	}
}

// check reports, from an answer's flags, whether the login moves to the request's next stage, and whether
// more parts of the answer follow. The target must answer in the stage of the request, and may only make the
// move that the request asks for (RFC 7143, 6.3 and 11.13).
func (r request) check(flags byte) (moved, more bool, err error) {
	moved, more = flags&final != 0, flags&continued != 0
	current, next := flags>>2&3, flags&3
	switch {
	case current != r.stage:
		err = fmt.Errorf("the target answers in stage %d of the login, not %d", current, r.stage)
	case moved && r.next == r.stage:
		err = fmt.Errorf("the target leaves stage %d of the login too early", r.stage)
	case moved && next != r.next:
		err = fmt.Errorf("the target continues with stage %d of the login, not %d", next, r.next)
	case moved && more:
		err = errors.New("the target leaves a stage of the login within its answer")
	}
	return moved, more, err
}

// roundTrip sends a request and returns the next message of the target, which must be the answer.
func (d *dialogue) roundTrip(r request) (*message, error) {
	if d.rounds++; d.rounds > maxRounds {
		return nil, errors.New("the target does not complete the login")
	}
	flags := r.stage << 2
	if r.next != r.stage {
		flags |= final | r.next
	}
	m := &message{data: text(r.keys)}
	m.head[0], m.head[1] = opLogin|immediate, flags
	copy(m.head[8:14], d.id[:])
	binary.BigEndian.PutUint32(m.head[16:], d.task)
	err := d.send(m)
	var in *message
	if err == nil {
		in, err = d.next() // no other message may precede the end of the login (RFC 7143, 6.3)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return nil, &RefusedError{}
	}
	if err != nil {
		return nil, err
	}
	if in.op() == opLoginResponse && in.head[36] != 0 {
		return nil, &RefusedError{in.head[36], in.head[37]}
	}
	return in, in.checkAnswers(opLoginResponse, d.task)
}
