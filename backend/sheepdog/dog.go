package sheepdog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strconv"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// defaultPort is where a sheep listens.
const defaultPort = 7000

// A cluster is the node of it that is asked.
type cluster struct {
	host string // an IPv6 address has no brackets
	port int
}

// clusterOf returns the node that a definition names first, as libvirt uses it.
func clusterOf(p *pooldef.Pool) (cluster, error) {
	if len(p.Source.Hosts) == 0 {
		return cluster{}, pooldef.Problems{{Element: "source/host", Text: "missing: a node of the cluster"}}
	}
	host, err := p.Source.Hosts[0].Address()
	return cluster{host, cmp.Or(p.Source.Hosts[0].Port, defaultPort)}, err
}

func (c cluster) String() string { return net.JoinHostPort(c.host, strconv.Itoa(c.port)) }

// dog is a command of dog(8) that has nothing but options.
func (c cluster) dog(args ...string) host.Command {
	return host.Cmd("dog", slices.Concat(args, []string{"-a", c.host, "-p", strconv.Itoa(c.port)})...)
}

// vdi is a command that does something to images. Its status tells nothing: what it says does.
func (c cluster) vdi(options []string, names ...string) host.Command {
	command := c.dog(append([]string{"vdi"}, options...)...)
	command.Args = append(append(command.Args, "--"), names...)
	command.FailOnStderr = true
	return command
}

// ask runs a command that only looks.
func (b *Backend) ask(ctx context.Context, c cluster, command host.Command) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	out, err := b.host.Query(limited, command)
	return out, translateError(ctx, c, err)
}

// do runs a command that changes something and does not take long.
func (b *Backend) do(ctx context.Context, c cluster, step host.Step) error {
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	return translateError(ctx, c, b.host.Change(limited, step))
}

// states are what dog says of a cluster that cannot be used, and what that means.
var states = []struct{ says, means string }{
	{"Waiting for cluster to be formatted", notFormatted},
	{"Waiting for other nodes to join", "waits for nodes that are missing"},
	{"failed to connect to", "cannot be reached"},
	{"failed to read from socket", "cannot be reached"},
	{"Invalid ip address", "cannot be found"},
}

const notFormatted = "is not formatted"

// translateError says what has happened. err is that of a command that had less time than ctx.
func translateError(ctx context.Context, c cluster, err error) error {
	exit := (*host.ExitError)(nil)
	if backend.IsTimeout(ctx, err) {
		return &backend.TimeoutError{Text: fmt.Sprintf("the cluster at %s does not answer", c)}
	}
	if !errors.As(err, &exit) {
		return err
	}
	for _, state := range states {
		if !strings.Contains(exit.Stderr, state.says) {
			continue
		}
		told := &backend.StateError{Text: fmt.Sprintf("the cluster at %s %s", c, state.means)}
		if state.means == notFormatted {
			told.Hint = c.dog("cluster", "format").Shell()
		}
		return told
	}
	switch {
	case strings.Contains(exit.Stderr, "VDI exists already"):
		return fmt.Errorf("dog: %s: %w", exit.Stderr, fs.ErrExist)
	case strings.Contains(exit.Stderr, "No VDI found"):
		return fmt.Errorf("%w: dog: %s", backend.ErrNoVolume, exit.Stderr)
	}
	return err
}
