package dogtest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// dog's exit statuses (its include/dog.h).
const (
	exitSuccess = 0
	exitFailure = 1
	exitSystem  = 2
	exitUsage   = 64
)

// A tool is one run of a program.
type tool struct {
	dir      string
	in       io.Reader
	out, err io.Writer

	address string
	port    int
	options map[byte]string
	args    []string
	cluster *state
}

func (t *tool) print(format string, args ...any) { fmt.Fprintf(t.out, format, args...) }

// fail prints an error message, and returns the status.
func (t *tool) fail(status int, format string, args ...any) int {
	fmt.Fprintf(t.err, format+"\n", args...)
	return status
}

// sheep starts a node: sheep -p PORT DIRECTORY.
func (t *tool) sheep(args []string) int {
	if len(args) != 3 || args[0] != "-p" {
		return t.fail(exitUsage, "the stand-in for sheep does not know: %q", args)
	}
	dir := filepath.Join(t.dir, "sheep-"+args[1])
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = os.WriteFile(dir+"/lock", nil, 0o600)
	}
	if err == nil {
		err = (&state{dir: dir, Capacity: 80759431168}).save()
	}
	if err != nil {
		return t.fail(exitFailure, "%v", err)
	}
	return exitSuccess
}

// A command is a subcommand of dog. Some query the list of nodes first; some require arguments.
type command struct {
	options              string // in the syntax of getopt(3)
	run                  func(*tool) int
	wantsNodes, wantsArg bool
	unformatted          bool // also runs on an unformatted cluster
}

var commands = map[string]command{
	"node info":      {options: "a:p:r", run: (*tool).nodeInfo, wantsNodes: true, unformatted: true},
	"node list":      {options: "a:p:r", run: (*tool).nodeList, wantsNodes: true, unformatted: true},
	"cluster format": {options: "a:p:c:", run: (*tool).format, wantsNodes: true, unformatted: true},
	"vdi list":       {options: "a:p:r", run: (*tool).list, unformatted: true},
	"vdi create":     {options: "a:p:c:Py", run: (*tool).create, wantsNodes: true, wantsArg: true},
	"vdi delete":     {options: "a:p:s:", run: (*tool).delete, wantsArg: true},
	"vdi resize":     {options: "a:p:", run: (*tool).resize, wantsArg: true},
	"vdi snapshot":   {options: "a:p:s:", run: (*tool).snapshot, wantsArg: true},
	"vdi clone":      {options: "a:p:s:", run: (*tool).clone, wantsArg: true},
	"vdi read":       {options: "a:p:s:", run: (*tool).read, wantsArg: true},
	"vdi write":      {options: "a:p:", run: (*tool).write, wantsArg: true},
}

// dog is `dog COMMAND SUBCOMMAND [OPTIONS] [ARGUMENTS]`.
func (t *tool) dog(words []string) int {
	name := strings.Join(words[:min(len(words), 2)], " ")
	c, ok := commands[name]
	if !ok {
		return t.fail(exitUsage, "the stand-in for dog does not know: dog %q", words)
	}
	if status := t.parse(words[2:], c.options); status != exitSuccess {
		return status
	}
	cluster, unlock, err := open(t.dir, t.port)
	gone := errors.Is(err, fs.ErrNotExist) || err == nil && cluster.Trouble == Gone
	switch {
	case err != nil && !gone:
		return t.fail(exitFailure, "the stand-in for dog: %v", err)
	case gone && name == "vdi delete":
		t.refused()
		return t.fail(exitSuccess, "%s: I/O error", t.cannotOpen(t.args[0]))
	case gone && c.wantsNodes:
		t.refused()
		return t.fail(exitSystem, "Failed to get node list")
	case gone:
		return t.refused()
	}
	defer unlock()
	t.cluster = cluster
	switch {
	case cluster.Trouble == Silent:
		unlock()
		time.Sleep(10 * time.Minute)
	case c.wantsArg && len(t.args) == 0:
		return t.fail(exitUsage, "the stand-in for dog wants arguments: dog %q", words)
	}
	return c.run(t)
}

// refused prints dog's message for a refused connection. It appears twice, because dog retries.
func (t *tool) refused() int {
	for range 2 {
		fmt.Fprintf(t.err, "failed to connect to %s:%d: Connection refused\n", t.address, t.port)
	}
	return exitSystem
}

// parse parses options and arguments as getopt_long(3) does: they may be mixed, and -- ends the options.
func (t *tool) parse(words []string, known string) int {
	t.address, t.port, t.options = Host, Port, map[byte]string{}
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		switch {
		case word == "--":
			t.args, words = append(t.args, words...), nil
			continue
		case len(word) < 2 || word[0] != '-':
			t.args = append(t.args, word)
			continue
		}
		at := strings.IndexByte(known, word[1])
		if len(word) > 2 || word[1] == ':' || at < 0 {
			fmt.Fprintf(t.err, "dog: invalid option -- '%s'\n", word[1:])
			return t.fail(exitUsage, "Try 'dog --help' for more information.")
		}
		value := ""
		if strings.HasPrefix(known[at+1:], ":") {
			if len(words) == 0 {
				return t.fail(exitUsage, "dog: option requires an argument -- '%s'", word[1:])
			}
			value, words = words[0], words[1:]
		}
		t.options[word[1]] = value
	}
	return t.node()
}

// node parses the address of the node.
func (t *tool) node() int {
	if address, ok := t.options['a']; ok {
		if t.address = address; address != "localhost" && net.ParseIP(address) == nil {
			return t.fail(exitFailure, "Invalid ip address %s", address)
		}
	}
	if port, ok := t.options['p']; ok {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 {
			return t.fail(exitUsage, "Invalid port number '%s'", port)
		}
		t.port = n
	}
	return exitSuccess
}

func (t *tool) is(option byte) bool {
	_, ok := t.options[option]
	return ok
}

func (t *tool) nodeInfo() int {
	if !t.cluster.Formatted {
		fmt.Fprintln(t.err, "Response's result: Waiting for cluster to be formatted")
		return t.fail(exitSystem, "Cannot get information from any nodes")
	}
	var used, all uint64
	for _, i := range t.cluster.Images {
		mine, _ := i.used()
		used += mine + 4096
		if i.Snapshot == 0 {
			all += i.Size
		}
	}
	capacity := max(t.cluster.Capacity, used)
	t.print("0 %d %d %d %d%%\n", capacity, used, capacity-used, used*100/capacity)
	t.print("Total %d %d %d %d%% %d\n", capacity, used, capacity-used, used*100/capacity, all)
	return exitSuccess
}

func (t *tool) nodeList() int {
	t.print("0 %s:%d 128 1\n", Host, t.port)
	return exitSuccess
}

func (t *tool) format() int {
	t.cluster.Formatted, t.cluster.Images = true, nil
	if err := t.cluster.save(); err != nil {
		return t.fail(exitFailure, "%v", err)
	}
	t.print("using backend plain store\n")
	return exitSuccess
}
