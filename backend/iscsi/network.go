package iscsi

import (
	"fmt"
	"strings"

	"poolctl/backend"
	"poolctl/pooldef"
)

// NetworkSource implements backend.Networker. QEMU logs in at the first portal.
func (d *Direct) NetworkSource(p *pooldef.Pool, path string) (*pooldef.NetworkSource, error) {
	t, err := directTarget(p)
	if err != nil {
		return nil, err
	}
	_, number, ok := strings.Cut(path, "-iscsi-"+t.iqn+"-lun-")
	if !ok {
		return nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, path)
	}
	n := &pooldef.NetworkSource{
		Protocol: "iscsi", Name: t.iqn + "/" + number, Initiator: p.Source.Initiator, Auth: p.Source.Auth,
	}
	for _, at := range t.portals {
		n.Hosts = append(n.Hosts, pooldef.Host{Name: at.host, Port: at.port})
	}
	return n, nil
}
