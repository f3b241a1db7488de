package rbd

import (
	"context"
	"fmt"

	"poolctl/backend"
	"poolctl/pooldef"
)

// NetworkSource implements backend.Networker.
func (b *Backend) NetworkSource(p *pooldef.Pool, path string) (*pooldef.NetworkSource, error) {
	at, err := placeOf(p)
	if err != nil {
		return nil, err
	}
	name, ok := b.Locate(context.Background(), p, path)
	if !ok {
		return nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, path)
	}
	n := &pooldef.NetworkSource{Protocol: "rbd", Name: at.image(name), Auth: p.Source.Auth}
	for _, h := range p.Source.Hosts {
		name, err := address(h)
		if err != nil {
			return nil, err
		}
		n.Hosts = append(n.Hosts, pooldef.Host{Name: name, Port: h.Port})
	}
	return n, nil
}
