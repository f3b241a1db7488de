package netfs

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// A source is a directory of a server.
type source struct {
	kind string // nfs, cifs or glusterfs: mount(8)'s name of the type
	host string // IPv6 addresses without brackets
	dir  string // as in the definition
}

// sourceOf returns a pool's source. The format auto means NFS, because mount(8) decides by the source's form,
// and HOST:DIR is the form of NFS.
func sourceOf(p *pooldef.Pool) (source, error) {
	if len(p.Source.Hosts) != 1 {
		return source{}, pooldef.Problems{{Element: "source/host",
			Text: fmt.Sprintf("%d hosts are given; a pool of type netfs has one", len(p.Source.Hosts))}}
	}
	s := source{kind: p.Source.Format, dir: p.Source.Dir}
	if s.kind == "auto" {
		s.kind = "nfs"
	}
	var err error
	s.host, err = p.Source.Hosts[0].Address()
	return s, err
}

// CheckDefinition implements backend.DefinitionChecker.
func (b *Backend) CheckDefinition(p *pooldef.Pool) error {
	s, err := sourceOf(p)
	return cmp.Or(err, checkPlain(p, s))
}

// String returns the source in the form that mount.nfs(8), mount.cifs(8) and mount.glusterfs(8) expect. Only
// mount.nfs supports brackets.
func (s source) String() string {
	switch {
	case s.kind == "cifs":
		return "//" + s.host + "/" + strings.TrimLeft(s.dir, "/")
	case s.kind == "nfs" && strings.Contains(s.host, ":"):
		return "[" + s.host + "]:" + s.dir
	}
	return s.host + ":" + s.dir
}

// mountedSource returns the source of a mount. Its kind is empty if the mount is not from a server.
func mountedSource(m *host.Mount) source {
	kind := map[string]string{"nfs": "nfs", "nfs4": "nfs", "cifs": "cifs", "smb3": "cifs",
		"fuse.glusterfs": "glusterfs"}[m.Type]
	if kind == "cifs" {
		name, dir, _ := strings.Cut(strings.TrimLeft(strings.ReplaceAll(m.Source, `\`, "/"), "/"), "/")
		return source{kind, name, dir}
	}
	at := strings.LastIndex(m.Source, ":/")
	if at < 0 {
		at = strings.LastIndex(m.Source, ":")
	}
	if at < 0 {
		return source{}
	}
	return source{kind, strings.Trim(m.Source[:at], "[]"), m.Source[at+1:]}
}

// normalDir returns a source's directory in a normal form for comparisons. Names of shares are
// case-insensitive.
func (s source) normalDir() string {
	dir := strings.Join(strings.FieldsFunc(s.dir, func(r rune) bool { return r == '/' }), "/")
	if s.kind == "cifs" {
		return strings.ToLower(dir)
	}
	return dir
}

// nameLimit limits the lookup of a server's name.
const nameLimit = 5 * time.Second

// isSource compares servers by name or, if the names differ, by the address that the mount uses (mount option
// addr).
func (b *Backend) isSource(ctx context.Context, p *pooldef.Pool, m *host.Mount) (bool, error) {
	want, err := sourceOf(p)
	is := mountedSource(m)
	if err != nil || want.kind != is.kind || want.normalDir() != is.normalDir() {
		return false, err
	}
	if isSameHost(want.host, is.host) {
		return true, nil
	}
	for option := range strings.SplitSeq(m.Options, ",") {
		text, found := strings.CutPrefix(option, "addr=")
		address, err := netip.ParseAddr(text)
		if !found || err != nil {
			continue
		}
		all, _ := b.Host.Addresses(ctx, want.host, min(nameLimit, b.Timeout))
		return slices.Contains(all, address.Unmap()), nil
	}
	return false, nil
}

// isSameHost reports whether two names or addresses are equal, without a lookup.
func isSameHost(a, b string) bool {
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	if errX == nil && errY == nil {
		return x == y
	}
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}
