// Package remote makes the command lines with which poolctl runs on other machines, by ssh(1):
//
//	hosts, err := remote.ParseHosts("root@nas,[::1]:2222")
//	argv := hosts[0].Command([]string{"ssh"}, 30*time.Second, remote.Line("sudo poolctl", words))
//
// ssh joins its arguments with spaces, and a shell on the other machine splits them again. So the remote
// command is one argument, in which [Line] quotes every word for a POSIX shell.
//
// The package runs nothing.
package remote

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A Host is a machine, and how ssh reaches it.
type Host struct {
	Name string // as the user gave it
	to   string // [USER@]HOST
	port string // empty: ssh's default
}

// ParseHosts parses names that are separated by commas: [USER@]HOST[:PORT]. An IPv6 address with a port is in
// brackets.
func ParseHosts(list string) ([]Host, error) {
	var hosts []Host
	seen := map[string]bool{}
	for name := range strings.SplitSeq(list, ",") {
		h, err := parseHost(name)
		if err != nil {
			return nil, err
		}
		if seen[name] {
			return nil, fmt.Errorf("%q is given twice", name)
		}
		seen[name] = true
		hosts = append(hosts, h)
	}
	return hosts, nil
}

func parseHost(name string) (Host, error) {
	isBad := func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }
	switch {
	case name == "":
		return Host{}, fmt.Errorf("a name is empty")
	case name[0] == '-', strings.ContainsFunc(name, isBad):
		return Host{}, fmt.Errorf("%q is not [USER@]HOST[:PORT]", name)
	}
	user, host, hasUser := strings.Cut(name, "@")
	if !hasUser {
		user, host = "", name
	}
	port := ""
	if strings.HasPrefix(host, "[") || strings.Count(host, ":") == 1 {
		var err error
		if host, port, err = net.SplitHostPort(host); err != nil && strings.HasSuffix(name, "]") {
			host, err = strings.Trim(host, "[]"), nil
		}
		if number, numberErr := strconv.ParseUint(port, 10, 16); err != nil || numberErr != nil || number == 0 {
			return Host{}, fmt.Errorf("%q is not [USER@]HOST[:PORT]", name)
		}
	}
	if host == "" || host[0] == '-' || hasUser && user == "" {
		return Host{}, fmt.Errorf("%q is not [USER@]HOST[:PORT]", name)
	}
	if hasUser {
		host = user + "@" + host
	}
	return Host{name, host, port}, nil
}

// Command returns the arguments that run a line on the host. ssh is the program, with its options. ssh asks
// no questions. It gives up if it cannot connect within limit, or if the other machine, while connected, is
// silent for three times as long (ssh_config(5), ServerAliveCountMax).
func (h Host) Command(ssh []string, limit time.Duration, line string) []string {
	argv := append(slices.Clone(ssh), "-xT", "-o", "BatchMode=yes")
	for _, option := range []string{"ConnectTimeout", "ServerAliveInterval"} {
		argv = append(argv, "-o", fmt.Sprintf("%s=%d", option, max(1, int(limit.Seconds()))))
	}
	if h.port != "" {
		argv = append(argv, "-p", h.port)
	}
	return append(argv, "--", h.to, line)
}

// Line returns the command line for the other machine. program may have arguments; the shell there splits it.
func Line(program string, words []string) string {
	line := program
	for _, word := range words {
		line += " '" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return line
}
