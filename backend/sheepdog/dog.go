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

// defaultPort is a sheep's default port.
const defaultPort = 7000

// A cluster is the address of the cluster's node that dog connects to.
type cluster struct {
	host string // an IPv6 address without brackets
	port int
}

// clusterOf returns the first node that a definition names, which libvirt uses too.
func clusterOf(p *pooldef.Pool) (cluster, error) {
	if len(p.Source.Hosts) == 0 {
		return cluster{}, pooldef.Problems{{Element: "source/host", Text: "missing: a node of the cluster"}}
	}
	host, err := p.Source.Hosts[0].Address()
	return cluster{host, cmp.Or(p.Source.Hosts[0].Port, defaultPort)}, err
}

// CheckDefinition implements backend.DefinitionChecker.
func (b *Backend) CheckDefinition(p *pooldef.Pool) error {
	_, err := clusterOf(p)
	return err
}

func (c cluster) String() string { return net.JoinHostPort(c.host, strconv.Itoa(c.port)) }

// dog returns a command of dog(8) that takes only options.
func (c cluster) dog(args ...string) host.Command {
	return host.Cmd("dog", slices.Concat(args, []string{"-a", c.host, "-p", strconv.Itoa(c.port)})...)
}

// vdi returns a command that works on images. The exit status of these commands is not reliable, so any error
// output is an error.
func (c cluster) vdi(options []string, names ...string) host.Command {
	command := c.dog(append([]string{"vdi"}, options...)...)
	command.Args = append(append(command.Args, "--"), names...)
	command.FailOnStderr = true
	return command
}

// query runs a query.
func (b *Backend) query(ctx context.Context, c cluster, command host.Command) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	out, err := b.host.Query(limited, command)
	return out, translateError(ctx, c, err)
}

// change runs a change that must end within the timeout.
func (b *Backend) change(ctx context.Context, c cluster, step host.Step) error {
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	return translateError(ctx, c, b.host.Change(limited, step))
}

// states maps dog's messages about an unusable cluster to their meanings.
var states = []struct{ says, means string }{
	{"Waiting for cluster to be formatted", notFormatted},
	{"Waiting for other nodes to join", "waits for nodes that are missing"},
}

// unreachable contains dog's messages about a server that cannot be reached.
var unreachable = []string{"failed to connect to", "failed to read from socket", "Invalid ip address"}

const notFormatted = "is not formatted"

// translateError converts dog's errors. err is the error of a command that ran with a shorter timeout than
// ctx.
func translateError(ctx context.Context, c cluster, err error) error {
	exit, ok := errors.AsType[*host.ExitError](err)
	if backend.IsTimeout(ctx, err) {
		return &backend.TimeoutError{Text: fmt.Sprintf("the cluster at %s does not answer", c)}
	}
	if !ok {
		return err
	}
	if slices.ContainsFunc(unreachable, func(text string) bool { return strings.Contains(exit.Stderr, text) }) {
		return &backend.UnreachableError{Server: fmt.Sprintf("the cluster at %s", c)}
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
