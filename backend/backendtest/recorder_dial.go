package backendtest

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"time"
)

// A recordedServer is what a server sent until the connection was closed.
type recordedServer struct {
	Address string
	Said    string `json:",omitempty"`
}

// Dial implements host.Network. Data sent to the server are not compared.
func (t *recorder) Dial(ctx context.Context, address string) (net.Conn, error) {
	question := t.clean("dial " + address)
	if t.machine == nil {
		s, err := replay[recordedServer](t, question)
		if err != nil {
			return nil, err
		}
		at, err := netip.ParseAddrPort(s.Address)
		return &replayedConn{at: net.TCPAddrFromAddrPort(at), said: bytes.NewBufferString(s.Said)}, err
	}
	c, err := t.machine.Dial(ctx, address)
	switch {
	case !t.saves:
		return c, err
	case err != nil:
		t.save(question, recordedServer{}, err)
		return nil, err
	}
	return &recordingConn{Conn: c, recorder: t, question: question}, nil
}

// A recordingConn is a connection that records what the server sends.
type recordingConn struct {
	net.Conn
	recorder *recorder
	question string
	said     bytes.Buffer
}

// Read implements net.Conn.
func (c *recordingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.said.Write(p[:n])
	return n, err
}

// Close implements net.Conn.
func (c *recordingConn) Close() error {
	c.recorder.save(c.question, recordedServer{c.RemoteAddr().String(), c.said.String()}, nil)
	return c.Conn.Close()
}

// A replayedConn is a connection that replays what a server once sent.
type replayedConn struct {
	net.Conn // nil
	at       net.Addr
	said     *bytes.Buffer
}

func (c *replayedConn) Read(p []byte) (int, error)  { return c.said.Read(p) }
func (c *replayedConn) Write(p []byte) (int, error) { return len(p), nil }
func (c *replayedConn) Close() error                { return nil }
func (c *replayedConn) RemoteAddr() net.Addr        { return c.at }
func (c *replayedConn) SetDeadline(time.Time) error { return nil }
