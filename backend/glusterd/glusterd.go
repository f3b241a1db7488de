// Package glusterd queries the management daemon of a Gluster cluster with gluster(8), for pools of type
// netfs and gluster. It lists volumes, and diagnoses why a volume cannot be used.
package glusterd

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"poolctl/backend"
	"poolctl/backend/check"
	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/format/lazy"
)

// Port is the daemon's default port, and the only one that gluster(8) can query.
const Port = 24007

// An answer is the output of gluster(8). Each query fills in a part. If the volume does not exist, the answer
// is empty, and gluster(8) exits with status 0.
type answer struct {
	Volumes []struct {
		Name   string `xml:"name"`
		Status string `xml:"statusStr"`
	} `xml:"volInfo>volumes>volume"`
	Nodes []node `xml:"volStatus>volumes>volume>node"`
}

// A node is a brick of a volume, or one of its services: then Host is the service and Path is its host.
type node struct {
	Host   string `xml:"hostname"`
	Path   string `xml:"path"`
	Status int    `xml:"status"`
}

func (n node) isBrick() bool { return strings.HasPrefix(n.Path, "/") }

func query(ctx context.Context, h host.Host, server string, question ...string) (answer, error) {
	var a answer
	c := host.Cmd("gluster", append([]string{"--xml", "--log-file=/dev/null", "--remote-host=" + server,
		"volume"}, question...)...)
	out, err := h.Query(ctx, c)
	if err != nil {
		return a, err
	}
	if err := xml.Unmarshal(out, &a); err != nil {
		return answer{}, fmt.Errorf("output of gluster for %q: %w", server, err) // discard a partial answer
	}
	return a, nil
}

// Volumes returns the names of all volumes, including stopped ones.
func Volumes(ctx context.Context, h host.Host, server string) ([]string, error) {
	if err := checkReachable(ctx, h, net.JoinHostPort(server, strconv.Itoa(Port))); err != nil {
		return nil, err
	}
	a, err := query(ctx, h, server, "info", "all")
	var names []string
	for _, v := range a.Volumes {
		if !isName().MatchString(v.Name) {
			return nil, &backend.AnswerError{Tool: "gluster", Field: "name", Text: v.Name}
		}
		names = append(names, v.Name)
	}
	return names, err
}

// isName reports whether gluster(8) accepts a name for a volume.
var isName = lazy.Regexp(`^[A-Za-z0-9_][A-Za-z0-9_-]*$`)

// Diagnose returns an error that says, for the user, why a volume cannot be used, or nil if no reason is
// found. Port 0 is the default port. If a server does not answer until ctx ends, the error is a
// backend.TimeoutError.
func Diagnose(ctx context.Context, h host.Host, server string, port int, volume string) error {
	if port == 0 {
		port = Port
	}
	address := net.JoinHostPort(server, strconv.Itoa(port))
	if err := checkReachable(ctx, h, address); err != nil || port != Port {
		return err
	}
	info, err := query(ctx, h, server, "info", volume)
	switch {
	case err != nil: // gluster(8) may not be installed
		return orTimeout(ctx, address, nil)
	case len(info.Volumes) == 0:
		return &backend.StateError{Text: fmt.Sprintf("no Gluster volume %q on %q", volume, server),
			Hint: "poolctl find-storage-pool-sources-as gluster " + shell.Quote(server) +
				" lists the volumes of a server"}
	case info.Volumes[0].Status != "Started":
		return &backend.StateError{Text: fmt.Sprintf("the Gluster volume %q is not started", volume),
			Hint: "gluster volume start " + shell.Quote(volume)}
	}
	return checkBricks(ctx, h, server, volume)
}

// checkReachable returns an error if a server does not accept connections. It is faster than gluster(8).
func checkReachable(ctx context.Context, n host.Network, address string) error {
	conn, err := n.Dial(ctx, address)
	if err != nil {
		return orTimeout(ctx, address, &backend.UnreachableError{Server: "the server " + address, Err: err})
	}
	conn.Close()
	return nil
}

// checkBricks returns an error that names the offline bricks of a volume.
func checkBricks(ctx context.Context, h host.Host, server, volume string) error {
	status, err := query(ctx, h, server, "status", volume)
	if err != nil {
		return orTimeout(ctx, server, nil)
	}
	var bricks []string
	for _, n := range status.Nodes {
		if n.Status == 0 && n.isBrick() {
			bricks = append(bricks, n.Host+":"+n.Path)
		}
	}
	if bricks == nil {
		return nil
	}
	return &check.Error{ID: "gluster", Err: &backend.StateError{
		Text: fmt.Sprintf("bricks of the Gluster volume %q are offline: %s", volume, strings.Join(bricks, ", ")),
		Hint: "gluster volume start " + shell.Quote(volume) + " force"}}
}

// Offline returns the bricks and services of a volume that do not run, in terms for messages: the brick
// a:/srv/b, Self-heal Daemon on a.
func Offline(ctx context.Context, h host.Host, server, volume string) (parts []string, err error) {
	status, err := query(ctx, h, server, "status", volume)
	if err == nil && len(status.Nodes) == 0 {
		err = fmt.Errorf("gluster does not know the volume %q", volume)
	}
	for _, n := range status.Nodes {
		switch {
		case n.Status != 0:
		case n.isBrick():
			parts = append(parts, "the brick "+n.Host+":"+n.Path)
		default:
			parts = append(parts, n.Host+" on "+n.Path)
		}
	}
	return parts, err
}

// orTimeout returns a backend.TimeoutError if ctx has timed out, and err otherwise.
func orTimeout(ctx context.Context, server string, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &backend.TimeoutError{Text: fmt.Sprintf("the server %s does not answer", server)}
	}
	return err
}
