// Package initiator is a small iSCSI initiator that runs without the kernel. It lists the targets of a
// server, and the logical units of a target with their types and sizes.
//
// [Open] logs in on a connection, with or without CHAP, and returns a [Session]; [Session.Targets] and
// [Session.Units] run the queries. The package implements only the necessary part of RFC 7143: one
// connection, no digests, no writes to units. libiscsi's tools would need secrets on their command line or in
// the environment, and a process for each unit.
//
// A target is not trusted: the number and the size of its messages are limited, and every answer must match
// its request.
package initiator

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"poolctl/backend/fault"
)

// A Login describes who logs in to which target.
type Login struct {
	Initiator string // IQN
	Target    string // IQN; empty: a discovery session, to list targets
	User      *User  // nil: no CHAP
	Mutual    *User  // the user that the target must prove to be; nil: no proof
}

// A User has a name and a secret.
type User struct {
	Name   string
	Secret []byte
}

// A RefusedError is the status with which a target refuses a login (RFC 7143, 11.13.5). Class 0 means that
// the target closed the connection instead, as LIO does if CHAP is required.
type RefusedError struct{ Class, Detail byte }

func (e *RefusedError) Error() string {
	switch {
	case e.Class == 0:
		return "the target closed the connection"
	case e.Class == 1:
		return "the target has moved"
	case e.Class == 2 && e.Detail == 1:
		return "wrong user or secret, or CHAP login required"
	case e.Class == 2 && e.Detail == 2:
		return "this initiator is not authorized"
	case e.Class == 2 && e.Detail == 3:
		return "no such target"
	}
	return fmt.Sprintf("status %02x%02x", e.Class, e.Detail)
}

// Kind implements [fault.Error].
func (*RefusedError) Kind() fault.Kind { return fault.Failed }

// A Session is a successful login.
type Session struct {
	conn          net.Conn
	commandNumber uint32
	statusNumber  uint32 // the next expected number
	task          uint32
	messages      int  // received
	bytes         int  // received
	broken        bool // sending or receiving a message failed
	// our part of the session's name; reusing a name would end another session of this initiator
	id [6]byte
}

// Open logs in on a connection. The session owns the connection, and closes it when ctx ends.
func Open(ctx context.Context, conn net.Conn, l Login) (*Session, error) {
	s := &Session{conn: conn, commandNumber: 1, task: 1}
	_, _ = rand.Read(s.id[:])
	s.id[0] = 0x80 // a random id (RFC 7143, 11.12.5)
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

// Close logs out, unless the connection has failed or the target has broken the protocol.
func (s *Session) Close() {
	if !s.broken && s.send(s.command(opLogout|immediate, final)) == nil {
		_, _ = s.receive()
	}
	s.conn.Close()
}

// maxTargetList is the maximum size of a list of targets in bytes. It is enough for some 100,000 targets.
const maxTargetList = 1 << 24

// Targets returns the names of the server's targets. The session must be a discovery session.
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
			err = in.checkAnswers(opTextResponse, binary.BigEndian.Uint32(out.head[16:]))
		}
		if err != nil {
			return nil, err
		}
		all = append(all, in.data...)
		if in.head[1]&final != 0 {
			break
		}
		if len(all) > maxTargetList {
			return nil, errors.New("the list of target names has no end")
		}
		next := s.command(opText, final) // request the next part
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
