package netfs

import (
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
	kind string // nfs, cifs, glusterfs: what mount(8) calls it
	host string // an IPv6 address has no brackets
	dir  string // as it was given
}

// sourceOf returns a pool's source. What mount(8) does with auto is NFS: the name decides, and HOST:DIR is NFS's.
func sourceOf(p *pooldef.Pool) (source, error) {
	if len(p.Source.Hosts) != 1 {
		return source{}, fmt.Errorf("the source has %d hosts; a pool of type netfs has one", len(p.Source.Hosts))
	}
	s := source{kind: p.Source.Format, dir: p.Source.Dir}
	if s.kind == "auto" {
		s.kind = "nfs"
	}
	var err error
	s.host, err = p.Source.Hosts[0].Address()
	return s, err
}

// String is how mount.nfs(8), mount.cifs(8) and mount.glusterfs(8) want it. Only the first knows brackets.
func (s source) String() string {
	switch {
	case s.kind == "cifs":
		return "//" + s.host + "/" + strings.TrimLeft(s.dir, "/")
	case s.kind == "nfs" && strings.Contains(s.host, ":"):
		return "[" + s.host + "]:" + s.dir
	}
	return s.host + ":" + s.dir
}

// mounted returns the source of a mount, of no kind if it is none of a server.
func mounted(m *host.Mount) source {
	kind := map[string]string{"nfs": "nfs", "nfs4": "nfs", "cifs": "cifs", "smb3": "cifs", "fuse.glusterfs": "glusterfs"}[m.Type]
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

// place is a source's directory in one spelling. Names of shares are the same in upper and lower case.
func (s source) place() string {
	dir := strings.Join(strings.FieldsFunc(s.dir, func(r rune) bool { return r == '/' }), "/")
	if s.kind == "cifs" {
		return strings.ToLower(dir)
	}
	return dir
}

// nameLimit is how long the look-up of a server's name may take.
const nameLimit = 5 * time.Second

// isSource compares servers by name or, if that is not the same, by the address that is used (the mount option addr).
func (b *Backend) isSource(ctx context.Context, p *pooldef.Pool, m *host.Mount) (bool, error) {
	want, err := sourceOf(p)
	is := mounted(m)
	if err != nil || want.kind != is.kind || want.place() != is.place() {
		return false, err
	}
	if sameName(want.host, is.host) {
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

// sameName tells whether two names or addresses are the same in writing.
func sameName(a, b string) bool {
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	if errX == nil && errY == nil {
		return x == y
	}
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}
