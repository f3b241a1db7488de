package sheepdog

import (
	"context"
	"fmt"

	"poolctl/backend"
	"poolctl/pooldef"
)

// NetworkSource implements backend.Networker.
func (b *Backend) NetworkSource(p *pooldef.Pool, path string) (*pooldef.NetworkSource, error) {
	c, err := clusterOf(p)
	if err != nil {
		return nil, err
	}
	name, ok := b.Locate(context.Background(), p, path)
	if !ok {
		return nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, path)
	}
	return &pooldef.NetworkSource{
		Protocol: "sheepdog", Name: name, Hosts: []pooldef.Host{{Name: c.host, Port: c.port}},
	}, nil
}
