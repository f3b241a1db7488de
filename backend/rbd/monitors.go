package rbd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"poolctl/backend"
	"poolctl/pooldef"
)

// The ports of a monitor, for both versions of the protocol (messenger v2,
// https://docs.ceph.com/en/latest/rados/configuration/msgr2/).
const portV2, portV1 = 3300, 6789

// patience is the wait for other monitors after one has answered.
const patience = 100 * time.Millisecond

// monitors returns the monitors that answer, in the form that Ceph's programs accept: addresses with the
// protocol version. This avoids three faults of Ceph's programs. They fail if one name is unknown. And if
// they must guess the protocol version, or if one monitor does not answer, they report a wrong key as a
// timeout.
func (b *Backend) monitors(ctx context.Context, p *pooldef.Pool) (string, error) {
	type answer struct {
		nth   int
		found string
		err   error
	}
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	answers := make(chan answer, len(p.Source.Hosts))
	for i, h := range p.Source.Hosts {
		go func() {
			found, err := b.monitor(limited, h)
			answers <- answer{i, found, err}
		}()
	}
	found, failed := make([]string, len(p.Source.Hosts)), make([]error, len(p.Source.Hosts))
	var enough <-chan time.Time
	for left := len(found); left > 0; {
		select {
		case a := <-answers:
			left--
			found[a.nth], failed[a.nth] = a.found, a.err
			if a.err == nil && enough == nil {
				enough = time.After(patience)
			}
		case <-enough:
			left = 0
		}
	}
	found = slices.DeleteFunc(found, func(m string) bool { return m == "" })
	if len(found) == 0 && ctx.Err() == nil {
		return "", errors.Join(failed...)
	}
	return strings.Join(found, ","), ctx.Err()
}

// monitor queries one monitor, at the given port or else at the default ports.
func (b *Backend) monitor(ctx context.Context, h pooldef.Host) (string, error) {
	name, err := address(h)
	if err != nil {
		return "", err
	}
	ports := []int{h.Port}
	if h.Port == 0 {
		ports = []int{portV2, portV1}
	}
	var all error
	for _, port := range ports {
		at := net.JoinHostPort(name, strconv.Itoa(port))
		found, err := b.greet(ctx, at)
		if err == nil {
			return found, nil
		}
		all = errors.Join(all, err)
	}
	return "", all
}

// address returns a host's address, without the protocol version that libvirt passes through to Ceph.
func address(h pooldef.Host) (string, error) {
	if version, name, ok := strings.Cut(h.Name, ":"); ok && (version == "v1" || version == "v2") {
		h.Name = name
	}
	return h.Address()
}

// greetings maps the first bytes that a monitor sends to the protocol version.
var greetings = map[string]string{"ceph v02": "v1:", "ceph v2\n": "v2:"}

// greet connects to a monitor, and returns its address with the version of its protocol.
func (b *Backend) greet(ctx context.Context, at string) (string, error) {
	c, err := b.host.Dial(ctx, at)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return "", silentError(at)
		}
		return "", &backend.UnreachableError{Server: "the monitor " + at, Err: err}
	}
	defer c.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(deadline)
	}
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Now()) })()
	said := make([]byte, 8)
	if _, err := io.ReadFull(c, said); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) &&
		!errors.Is(err, io.EOF) {
		return "", silentError(at)
	}
	version := greetings[string(said)]
	if version == "" {
		return "", &backend.StateError{Text: fmt.Sprintf("the server at %s is not a Ceph monitor", at)}
	}
	return version + c.RemoteAddr().String(), nil
}

func silentError(at string) error {
	return &backend.TimeoutError{Text: fmt.Sprintf("the monitor %s does not answer", at)}
}
