package driver

import (
	"context"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
)

// resolvedDirs resolves the symbolic links of directories, of each directory once.
type resolvedDirs struct {
	host  host.Host
	limit time.Duration // for a directory that does not answer
	known map[string]string
}

func (d *Driver) resolvedDirs() *resolvedDirs {
	return &resolvedDirs{host: d.Host, limit: d.Timeout, known: map[string]string{}}
}

// canonical returns a directory without symbolic links, or unchanged if it does not answer.
func (r *resolvedDirs) canonical(ctx context.Context, dir string) string {
	if at, known := r.known[dir]; known {
		return at
	}
	patience, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	at, err := backend.Await(patience, func() (string, error) { return r.host.Canonical(dir), nil })
	if err != nil {
		at = dir
	}
	r.known[dir] = at
	return at
}
