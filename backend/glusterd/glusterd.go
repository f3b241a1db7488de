// Package glusterd asks the management daemon of a Gluster cluster, by gluster(8), what netfs and gluster pools want to know of it.
package glusterd

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
)

// Port is where it listens, and the only one that gluster(8) asks at.
const Port = 24007

// answer is what gluster(8) prints, of which each question fills in a part. It is empty, and the command ends well, if there is no such volume.
type answer struct {
	Volumes []struct {
		Name   string `xml:"name"`
		Status string `xml:"statusStr"`
	} `xml:"volInfo>volumes>volume"`
	Nodes []struct {
		Host   string `xml:"hostname"`
		Path   string `xml:"path"`
		Status int    `xml:"status"`
	} `xml:"volStatus>volumes>volume>node"`
}

func ask(ctx context.Context, h host.Host, server string, question ...string) (answer, error) {
	var a answer
	c := host.Cmd("gluster", append([]string{"--xml", "--log-file=/dev/null", "--remote-host=" + server, "volume"}, question...)...)
	out, err := h.Query(ctx, c)
	if err != nil {
		return a, err
	}
	if err := xml.Unmarshal(out, &a); err != nil {
		return answer{}, fmt.Errorf("what gluster says of %q: %w", server, err) // nothing of half an answer
	}
	return a, nil
}

// Volumes returns the names of all volumes, also of those that are stopped.
func Volumes(ctx context.Context, h host.Host, server string) ([]string, error) {
	if err := reach(ctx, h, net.JoinHostPort(server, strconv.Itoa(Port))); err != nil {
		return nil, err
	}
	a, err := ask(ctx, h, server, "info", "all")
	var names []string
	for _, v := range a.Volumes {
		if !isName(v.Name) {
			return nil, &backend.AnswerError{Tool: "gluster", Field: "name", Text: v.Name}
		}
		names = append(names, v.Name)
	}
	return names, err
}

// isName tells the names that gluster(8) makes volumes by.
var isName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*$`).MatchString

// Trouble tells what is wrong with a volume that cannot be used, in words for people; nil if nothing is known to be. A port of 0 is the
// usual one. What does not answer until ctx ends is a SilentError.
func Trouble(ctx context.Context, h host.Host, server string, port int, volume string) error {
	if port == 0 {
		port = Port
	}
	address := net.JoinHostPort(server, strconv.Itoa(port))
	if err := reach(ctx, h, address); err != nil || port != Port {
		return err
	}
	info, err := ask(ctx, h, server, "info", volume)
	switch {
	case err != nil: // gluster(8) need not be installed
		return silent(ctx, address, nil)
	case len(info.Volumes) == 0:
		return &backend.StateError{Text: fmt.Sprintf("there is no Gluster volume %q on %q", volume, server),
			Hint: "poolctl find-storage-pool-sources-as gluster " + host.Quote(server) + " shows those that there are"}
	case info.Volumes[0].Status != "Started":
		return &backend.StateError{Text: fmt.Sprintf("the Gluster volume %q is not started", volume),
			Hint: "gluster volume start " + host.Quote(volume)}
	}
	return offline(ctx, h, server, volume)
}

// reach returns nil if a server takes connections. gluster(8) may take its time to tell.
func reach(ctx context.Context, h host.Host, address string) error {
	conn, err := h.Dial(ctx, address)
	if err != nil {
		return silent(ctx, address, &backend.StateError{Text: fmt.Sprintf("the server %s cannot be reached: %v", address, err)})
	}
	conn.Close()
	return nil
}

// offline tells which bricks of a volume are.
func offline(ctx context.Context, h host.Host, server, volume string) error {
	status, err := ask(ctx, h, server, "status", volume)
	if err != nil {
		return silent(ctx, server, nil)
	}
	var bricks []string
	for _, n := range status.Nodes {
		if n.Status == 0 && strings.HasPrefix(n.Path, "/") { // other nodes are services, and have no path
			bricks = append(bricks, n.Host+":"+n.Path)
		}
	}
	if bricks == nil {
		return nil
	}
	return &backend.StateError{Text: fmt.Sprintf("bricks of the Gluster volume %q are offline: %s", volume, strings.Join(bricks, ", ")),
		Hint: "gluster volume start " + host.Quote(volume) + " force"}
}

// silent returns an error, or that the server has not answered.
func silent(ctx context.Context, server string, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &backend.TimeoutError{Text: fmt.Sprintf("the server %s does not answer", server)}
	}
	return err
}
