package backendtest

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"time"
)

// tapedServer is what a server has said until the connection was closed.
type tapedServer struct {
	Address string
	Said    string `json:",omitempty"`
}

// Dial implements host.Prober. What was sent to a server is not compared.
func (t *recorder) Dial(ctx context.Context, address string) (net.Conn, error) {
	question := t.clean("dial " + address)
	if t.machine == nil {
		s, err := replay[tapedServer](t, question)
		if err != nil {
			return nil, err
		}
		at, err := netip.ParseAddrPort(s.Address)
		return &replayedConn{at: net.TCPAddrFromAddrPort(at), said: bytes.NewBufferString(s.Said)}, err
	}
	c, err := t.machine.Dial(ctx, address)
	switch {
	case !t.keeps:
		return c, err
	case err != nil:
		t.keep(question, tapedServer{}, err)
		return nil, err
	}
	return &tapedConn{Conn: c, tape: t, question: question}, nil
}

// tapedConn is a connection of which is written down what the server says.
type tapedConn struct {
	net.Conn
	tape     *recorder
	question string
	said     bytes.Buffer
}

// Read implements net.Conn.
func (c *tapedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.said.Write(p[:n])
	return n, err
}

// Close implements net.Conn.
func (c *tapedConn) Close() error {
	c.tape.keep(c.question, tapedServer{c.RemoteAddr().String(), c.said.String()}, nil)
	return c.Conn.Close()
}

// replayedConn is a connection to nobody, where a server seems to say what one has said once.
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
