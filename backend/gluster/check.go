package gluster

import (
	"context"

	"poolctl/backend/check"
	"poolctl/backend/glusterd"
	"poolctl/pooldef"
)

// Check implements backend.Checker with one query, which only a machine of the cluster may ask. Elsewhere,
// everything is all right.
func (b *Backend) Check(
	ctx context.Context, p *pooldef.Pool, _ []*pooldef.Volume,
) (found []check.Finding, err error) {
	s, err := sourceOf(p)
	if err != nil || s.port != 0 && s.port != glusterd.Port {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	down, err := glusterd.Offline(limited, b.host, s.server, s.volume)
	if err != nil {
		return []check.Finding{{ID: "gluster", Text: "the server does not report the state of its volumes"}}, nil
	}
	for _, part := range down {
		found = append(found, check.New("gluster", part+" is down", "gluster volume status "+s.volume))
	}
	return found, nil
}

// Tools implements backend.ToolUser.
func (*Backend) Tools(*pooldef.Pool) []string { return []string{"glusterfs"} }

// FindStale implements backend.StaleFinder.
func (b *Backend) FindStale(ctx context.Context, p *pooldef.Pool) ([]string, error) {
	return b.externalPaths(ctx, p, func(v *view) ([]string, error) { return v.files.FindStale(ctx, v.pool) })
}
