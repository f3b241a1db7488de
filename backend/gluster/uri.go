package gluster

import (
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"

	"poolctl/pooldef"
)

// A source is a directory of a Gluster volume.
type source struct {
	server string // IPv6 addresses without brackets
	port   int    // 0: the default port
	volume string
	dir    string // absolute, without a trailing slash except for "/"
}

// sourceOf returns a pool's source. Like libvirt, it uses the first server.
func sourceOf(p *pooldef.Pool) (source, error) {
	s := source{volume: p.Source.Name, dir: path.Clean(p.Source.Dir)}
	switch {
	case len(p.Source.Hosts) == 0:
		return s, pooldef.Problems{{Element: "source/host", Text: "missing"}}
	case s.volume == "" || strings.Contains(s.volume, "/"):
		return s, pooldef.Problems{{Element: "source/name",
			Text: fmt.Sprintf("%q is not the name of a Gluster volume", s.volume)}}
	case !strings.HasPrefix(s.dir, "/"):
		return s, pooldef.Problems{{Element: "source/dir/@path",
			Text: fmt.Sprintf("%q is not absolute", p.Source.Dir)}}
	}
	s.port = p.Source.Hosts[0].Port
	var err error
	s.server, err = p.Source.Hosts[0].Address()
	return s, err
}

// CheckDefinition implements backend.DefinitionChecker.
func (b *Backend) CheckDefinition(p *pooldef.Pool) error {
	_, err := sourceOf(p)
	return err
}

// uri returns the URI of the Gluster volume, the prefix of its files' URIs.
func (s source) uri() string {
	server := s.server
	if strings.Contains(server, ":") {
		server = "[" + server + "]"
	}
	if s.port != 0 {
		server += ":" + strconv.Itoa(s.port)
	}
	return "gluster://" + server + "/" + escape(s.volume)
}

// escape encodes a path as libvirt does in keys (libxml2's xmlSaveUri).
func escape(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			strings.IndexByte("-_.!~*'()/;@&=+$,", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// file returns the path in the Gluster volume of the file with a URI. ok reports whether the file is in this
// Gluster volume.
func (s source) file(key string) (file string, ok bool) {
	rest, ok := strings.CutPrefix(key, s.uri()+"/")
	if !ok {
		return "", false
	}
	file, err := url.PathUnescape(rest)
	return path.Join("/", file), err == nil
}
