// Package initiator asks iSCSI targets without the kernel: who they are, and what units they have. It is no more of RFC 7143 than that
// takes: one connection, no digests, nothing written to a unit. libiscsi's tools would need the secrets in their command line or
// environment, and a process for each unit.
package initiator

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"poolctl/fault"
)

// A Login tells who logs in to what.
type Login struct {
	Initiator string // IQN
	Target    string // IQN; empty: to ask which there are
	User      *User  // nil: without a secret
	Mutual    *User  // as whom the target has to show itself; nil: it need not
}

// A User has a name and a secret.
type User struct {
	Name   string
	Secret []byte
}

// A RefusedError tells that a target does not let us in, by a status (RFC 7143, 11.13.5). Of class 0, it has
// hung up instead, as LIO does where there has to be a secret.
type RefusedError struct{ Class, Detail byte }

func (e *RefusedError) Error() string {
	switch {
	case e.Class == 0:
		return "the target has hung up"
	case e.Class == 1:
		return "the target has moved"
	case e.Class == 2 && e.Detail == 1:
		return "the user or the secret is wrong, or there has to be one (CHAP)"
	case e.Class == 2 && e.Detail == 2:
		return "this initiator may not use it"
	case e.Class == 2 && e.Detail == 3:
		return "there is no such target"
	}
	return fmt.Sprintf("status %02x%02x", e.Class, e.Detail)
}

// Kind implements [fault.Error].
func (*RefusedError) Kind() fault.Kind { return fault.Failed }

// A Session is a login that has worked.
type Session struct {
	conn          net.Conn
	commandNumber uint32
	statusNumber  uint32 // the next one that is expected
	task          uint32
	messages      int     // received
	bytes         int     // received
	broken        bool    // a message could not be sent or received
	id            [6]byte // our part of the session's name: with the same one, another session of this initiator would end
}

// Open logs in on a connection, which the session owns from then on. Whatever is asked ends when ctx does.
func Open(ctx context.Context, conn net.Conn, l Login) (*Session, error) {
	s := &Session{conn: conn, commandNumber: 1, task: 1}
	_, _ = rand.Read(s.id[:])
	s.id[0] = 0x80 // a random one (RFC 7143, 11.12.5)
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	if err := s.login(l); err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

// Close logs out, if the target has kept to the rules so far.
func (s *Session) Close() {
	if !s.broken && s.send(s.command(opLogout|immediate, final)) == nil {
		_, _ = s.receive()
	}
	s.conn.Close()
}

// enough is how long a list of targets may be: some 100,000 of them.
const enough = 1 << 24

// Targets asks a session without a target for the names of those that there are.
func (s *Session) Targets() ([]string, error) {
	out := s.command(opText, final)
	binary.BigEndian.PutUint32(out.head[20:], none)
	out.data = text([][2]string{{"SendTargets", "All"}})
	var all []byte
	for {
		s.commandNumber++
		if err := s.send(out); err != nil {
			return nil, err
		}
		in, err := s.receive()
		if err == nil {
			err = in.answers(opTextResponse, binary.BigEndian.Uint32(out.head[16:]))
		}
		if err != nil {
			return nil, err
		}
		all = append(all, in.data...)
		if in.head[1]&final != 0 {
			break
		}
		if len(all) > enough {
			return nil, errors.New("the list of the target's names does not come to an end")
		}
		next := s.command(opText, final) // there is more
		copy(next.head[16:20], out.head[16:20])
		copy(next.head[20:24], in.head[20:24])
		out = next
	}
	var names []string
	for _, pair := range keys(all) {
		if pair[0] == "TargetName" {
			names = append(names, pair[1])
		}
	}
	return names, nil
}
