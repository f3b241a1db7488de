package netfs

import (
	"context"
	"strings"
	"sync"

	"poolctl/backend"
	"poolctl/backend/glusterd"
	"poolctl/backend/host"
	"poolctl/format/lazy"
	"poolctl/pooldef"
)

// Discover implements backend.Discoverer. It returns the directories that a server exports by NFS, and its
// Gluster volumes.
func (b *Backend) Discover(ctx context.Context, spec *pooldef.Source) ([]pooldef.Source, error) {
	if len(spec.Hosts) == 0 {
		return nil, pooldef.Problems{{Element: "host", Text: "missing: the server to query"}}
	}
	s, err := sourceOf(&pooldef.Pool{Source: *spec})
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	var volumes []string
	// In parallel: an NFS server may not answer Gluster's requests, and vice versa.
	var wait sync.WaitGroup
	wait.Go(func() { volumes, _ = glusterd.Volumes(limited, b.Host, s.host) }) // Gluster is optional
	exports, err := b.exports(limited, s.host)
	wait.Wait()
	var found []pooldef.Source
	for _, dir := range exports {
		found = append(found, pooldef.Source{Hosts: spec.Hosts, Dir: dir, Format: "nfs"})
	}
	for _, name := range volumes {
		found = append(found, pooldef.Source{Hosts: spec.Hosts, Dir: name, Format: "glusterfs"})
	}
	if len(found) == 0 && err != nil {
		return nil, b.translateError(ctx, s, err)
	}
	return found, nil
}

// export matches a line of showmount(8): a directory, which may contain blanks, and its clients.
var export = lazy.Regexp(`^(/.*?) +\S+$`)

func (b *Backend) exports(ctx context.Context, server string) ([]string, error) {
	out, err := b.Host.Query(ctx, host.Cmd("showmount", "--no-headers", "--exports", "--", server))
	var dirs []string
	for line := range strings.Lines(string(out)) {
		m := export().FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m != nil && backend.IsPlain(m[1]) { // a definition in XML cannot contain other names
			dirs = append(dirs, m[1])
		}
	}
	return dirs, err
}
