package pooldef

import (
	"fmt"
	"net/netip"
	"strings"
)

// A Host is a server; port 0 means its service's own.
type Host struct {
	Name string
	Port int
}

// Address returns the host's name or address, an IPv6 address without its brackets, as tools take it: it is no option, no list, and has
// no port. The error is Problems.
func (h Host) Address() (string, error) {
	name := strings.Trim(h.Name, "[]")
	text := fmt.Sprintf("%q is not the name of a host", h.Name)
	if name == "" || strings.HasPrefix(name, "-") || strings.ContainsAny(name, "/, \t\n") {
		return "", Problems{{Element: "source/host/@name", Text: text}}
	}
	if _, err := netip.ParseAddr(name); err != nil && strings.Contains(name, ":") {
		return "", Problems{{Element: "source/host/@name", Text: text + ": its port stands in source/host/@port (--source-port)"}}
	}
	return name, nil
}
