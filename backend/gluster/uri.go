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
	server string // an IPv6 address has no brackets
	port   int    // 0: the usual one
	volume string
	dir    string // absolute, without a slash at its end unless it is the whole volume
}

// sourceOf returns a pool's source: as libvirt, of the first of its servers.
func sourceOf(p *pooldef.Pool) (source, error) {
	s := source{volume: p.Source.Name, dir: path.Clean(p.Source.Dir)}
	switch {
	case len(p.Source.Hosts) == 0:
		return s, pooldef.Problems{{Element: "source/host", Text: "missing"}}
	case s.volume == "" || strings.Contains(s.volume, "/"):
		return s, pooldef.Problems{{Element: "source/name", Text: fmt.Sprintf("%q is not the name of a Gluster volume", s.volume)}}
	case !strings.HasPrefix(s.dir, "/"):
		return s, pooldef.Problems{{Element: "source/dir/@path", Text: fmt.Sprintf("%q is not absolute", p.Source.Dir)}}
	}
	s.port = p.Source.Hosts[0].Port
	var err error
	s.server, err = p.Source.Hosts[0].Address()
	return s, err
}

// uri is the URI of the volume, in front of the names of its files.
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

// escape writes a path as libvirt does in its keys (libxml2's xmlSaveUri).
func escape(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.!~*'()/;@&=+$,", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// file returns the path in the Gluster volume of what has a URI; ok tells whether it is in this one.
func (s source) file(key string) (file string, ok bool) {
	rest, ok := strings.CutPrefix(key, s.uri()+"/")
	if !ok {
		return "", false
	}
	file, err := url.PathUnescape(rest)
	return path.Join("/", file), err == nil
}
