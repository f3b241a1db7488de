package pooldef

import (
	"fmt"
	"net/netip"
	"strings"
)

// A Host is a server. Port 0 stands for the default port of the service.
type Host struct {
	Name string
	Port int
}

// Address returns the host's name or address in the form that tools accept, an IPv6 address without brackets.
// Names that a tool could take for an option, a list, or a host with a port are errors, as Problems.
func (h Host) Address() (string, error) {
	name := strings.Trim(h.Name, "[]")
	text := fmt.Sprintf("%q is not the name of a host", h.Name)
	if name == "" || strings.HasPrefix(name, "-") || strings.ContainsAny(name, "/, \t\n") {
		return "", Problems{{Element: "source/host/@name", Text: text}}
	}
	if _, err := netip.ParseAddr(name); err != nil && strings.Contains(name, ":") {
		text += ": the port belongs in source/host/@port (--source-port)"
		return "", Problems{{Element: "source/host/@name", Text: text}}
	}
	return name, nil
}
