package initiator

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The opcodes of messages (RFC 7143, 11.2.1.2), and flags.
const (
	opNop           = 0x00
	opCommand       = 0x01
	opLogin         = 0x03
	opText          = 0x04
	opLogout        = 0x06
	opNopIn         = 0x20
	opResponse      = 0x21
	opLoginResponse = 0x23
	opTextResponse  = 0x24
	opDataIn        = 0x25
	opAsync         = 0x32
	opReject        = 0x3f

	immediate = 0x40
	final     = 0x80
	continued = 0x40 // in the flags of logins and texts: more keys follow

	none = 0xffffffff // the reserved value of a tag
)

// maxData is the maximum size of a message's data in bytes, as declared in the login.
const maxData = 1 << 18

// A message is a PDU: a header of fixed size, and data.
type message struct {
	head [48]byte
	data []byte
}

// command starts a message. Its tag and numbers have the same position in all messages that the package
// sends.
func (s *Session) command(op, flags byte) *message {
	m := &message{}
	m.head[0], m.head[1] = op, flags
	binary.BigEndian.PutUint32(m.head[16:], s.task)
	s.task++
	return m
}

func (s *Session) send(m *message) error {
	binary.BigEndian.PutUint32(m.head[24:], s.commandNumber)
	if m.head[0]&immediate == 0 { // the caller has counted it
		binary.BigEndian.PutUint32(m.head[24:], s.commandNumber-1)
	}
	binary.BigEndian.PutUint32(m.head[28:], s.statusNumber)
	// the first byte is the length of additional headers, which are never sent
	binary.BigEndian.PutUint32(m.head[4:], uint32(len(m.data)))
	padded := append(m.head[:], m.data...)
	_, err := s.conn.Write(append(padded, make([]byte, -len(m.data)&3)...))
	s.broken = s.broken || err != nil
	return err
}

// The maximum that a target may send in a session: 8191 units take some 50,000 messages, all targets 16 MiB.
const (
	maxMessages = 1 << 17
	maxBytes    = 1 << 25
)

// receive returns the next message. It answers the target's pings.
func (s *Session) receive() (*message, error) {
	for {
		m, err := s.next()
		if err != nil || m.op() != opNopIn {
			return m, err
		}
		if err := s.answerPing(m); err != nil {
			return nil, err
		}
	}
}

// next returns the next message, if the session's limits are not exceeded.
func (s *Session) next() (m *message, err error) {
	defer func() { s.broken = s.broken || err != nil }()
	m = &message{}
	if _, err := io.ReadFull(s.conn, m.head[:]); err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint32(m.head[4:]) & 0xffffff)
	extra := 4 * int(m.head[4])
	if length > maxData {
		return nil, fmt.Errorf("a message of %d bytes exceeds the negotiated maximum", length)
	}
	s.messages++
	if s.bytes += length; s.messages > maxMessages || s.bytes > maxBytes {
		return nil, errors.New("the target's answer has no end")
	}
	body := make([]byte, extra+length+(-length&3))
	if _, err := io.ReadFull(s.conn, body); err != nil {
		return nil, err
	}
	m.data = body[extra : extra+length]
	if m.hasStatus() {
		s.statusNumber = binary.BigEndian.Uint32(m.head[24:]) + 1
	}
	return m, nil
}

// op returns a message's opcode.
func (m *message) op() byte { return m.head[0] & 0x3f }

// hasStatus reports whether a message has a status number. Data without a status and pings do not.
func (m *message) hasStatus() bool {
	switch m.op() {
	case opDataIn:
		return m.head[1]&1 != 0
	case opNopIn:
		return binary.BigEndian.Uint32(m.head[16:]) != none
	}
	return true
}

func (s *Session) answerPing(question *message) error {
	if binary.BigEndian.Uint32(question.head[20:]) == none {
		return nil
	}
	m := &message{data: question.data}
	m.head[0], m.head[1] = opNop|immediate, final
	copy(m.head[8:16], question.head[8:16])
	binary.BigEndian.PutUint32(m.head[16:], none)
	copy(m.head[20:24], question.head[20:24])
	return s.send(m)
}

// checkAnswers returns an error unless a message has the given opcode and the tag of the request.
func (m *message) checkAnswers(op byte, task uint32) error {
	tag := binary.BigEndian.Uint32(m.head[16:])
	switch {
	case m.op() == opReject:
		return fmt.Errorf("the target rejects a message, reason %#x", m.head[2])
	case m.op() == opAsync:
		return fmt.Errorf("the target ends the session, event %d", m.head[36])
	case m.op() != op:
		return fmt.Errorf("the target sent a message of type %#x, not %#x", m.op(), op)
	case tag != task:
		return fmt.Errorf("the target answered request %d, not %d", tag, task)
	}
	return nil
}
