package gluster

import (
	"fmt"

	"poolctl/backend"
	"poolctl/pooldef"
)

// NetworkSource implements backend.Networker.
func (b *Backend) NetworkSource(p *pooldef.Pool, path string) (*pooldef.NetworkSource, error) {
	s, err := sourceOf(p)
	if err != nil {
		return nil, err
	}
	file, ok := s.file(path)
	if !ok {
		return nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, path)
	}
	return &pooldef.NetworkSource{
		Protocol: "gluster", Name: s.volume + file, Hosts: []pooldef.Host{{Name: s.server, Port: s.port}},
	}, nil
}
