package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/commands/remote"
	"poolctl/format/lazy"
)

// A connection is the URI that virsh would connect to, and where it is set.
type connection struct{ from, uri string }

// checkConnection returns an error if a script means another machine. Verbs such as help work on no machine.
func (e *env) checkConnection() error {
	switch e.verb {
	case "help", "completion", "__man":
		return nil
	}
	c, err := connectionOf(e.cli.Connect, e.driver.Store.LibvirtDir)
	if err != nil {
		return err
	}
	return c.check()
}

// connectionOf reads the URI from the same places as virsh, in the same order (virsh(1), ENVIRONMENT;
// libvirt's docs/uri.rst): -c, two environment variables, and uri_default in libvirt.conf. Empty values count
// as not given. If none is given, the URI is empty.
func connectionOf(asked, libvirtDir string) (connection, error) {
	if asked != "" {
		return connection{"-c ", asked}, nil
	}
	for _, name := range []string{"VIRSH_DEFAULT_CONNECT_URI", "LIBVIRT_DEFAULT_URI"} {
		if uri := os.Getenv(name); uri != "" {
			return connection{name + "=", uri}, nil
		}
	}
	file := filepath.Join(libvirtDir, "libvirt.conf")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return connection{}, nil
	}
	if err != nil {
		return connection{}, fmt.Errorf("read uri_default: %w", err)
	}
	uri, err := uriDefault(string(text))
	if err != nil {
		return connection{}, &usageError{text: fmt.Sprintf("%s: %v", file, err)}
	}
	return connection{file + ": uri_default = ", uri}, nil
}

// assignment matches a line of libvirt.conf that sets uri_default to a string in single, double or triple
// double quotes (libvirt's src/util/virconf.c).
var assignment = lazy.Regexp(
	`^[ \t]*uri_default[ \t]*=[ \t]*(?:"""(.*?)"""|"([^"]*)"|'([^']*)')[ \t]*(?:#.*)?$`)

// uriDefault returns the first uri_default of libvirt.conf, as libvirt does. It is empty if there is none.
func uriDefault(text string) (string, error) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if !strings.HasPrefix(strings.TrimLeft(line, " \t"), "uri_default") {
			continue
		}
		match := assignment().FindStringSubmatch(line)
		if match == nil {
			return "", fmt.Errorf("line %d: uri_default is not a string in quotes", number)
		}
		return match[1] + match[2] + match[3], nil
	}
	return "", nil
}

// drivers are libvirt's drivers that manage the machine they run on.
var drivers = []string{"qemu", "storage", "xen", "lxc", "ch", "bhyve", "vbox", "vz", "openvz", "secret"}

// isLocal reports whether a URI means this machine, in the only form that cannot mean another (libvirt's
// docs/uri.rst). A host, a transport such as ssh or ext, and parameters such as socket, command and proxy may
// lead to another machine.
func isLocal(uri string) bool {
	scheme, path, _ := strings.Cut(uri, "://")
	isDriver := slices.Contains(drivers, strings.TrimSuffix(scheme, "+unix"))
	return isDriver && (path == "/system" || path == "/session")
}

// sshHost returns the [USER@]HOST[:PORT] of a URI with the transport ssh, or "". The other parts of the URI,
// such as a key or a socket, have no equivalent: so a URI does not mean -H by itself.
func sshHost(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || !strings.HasSuffix(u.Scheme, "+ssh") {
		return ""
	}
	host := u.Host
	if user := u.User.Username(); user != "" {
		host = user + "@" + host
	}
	if _, err := remote.ParseHosts(host); err != nil {
		return ""
	}
	return host
}

// check returns an error unless a URI means this machine.
func (c connection) check() error {
	if c.uri == "" || isLocal(c.uri) {
		return nil
	}
	text := "poolctl works on this machine only (qemu:///system, storage:///system, qemu:///session)"
	if host := sshHost(c.uri); host != "" {
		text += "; -H " + host + " runs a verb there, by ssh"
	}
	if !strings.HasPrefix(c.from, "-c") {
		text += "; -c qemu:///system means it here"
	}
	return &usageError{text: c.from + c.uri + ": " + text}
}
