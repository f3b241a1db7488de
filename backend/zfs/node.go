package zfs

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// hasDevice reports whether a volume's device is at its path.
func (b *Backend) hasDevice(p *pooldef.Pool, name string) bool {
	return b.Host.Zvol(path(p, name)) == key(p, name)
}

// await waits for a volume's device. It returns an error if volmode is "none".
func (b *Backend) await(ctx context.Context, p *pooldef.Pool, name, volmode string) error {
	if volmode == "none" {
		return &backend.StateError{
			Text: fmt.Sprintf("the volumes of %q have no devices (volmode=none)", p.Source.Name),
		}
	}
	return b.Host.Change(
		ctx,
		host.Await{
			Path: path(p, name), Is: func(d host.Devices) bool { return d.Zvol(path(p, name)) == key(p, name) },
		},
	)
}

// checkNode returns an error if a volume's device is not at its path.
func (b *Backend) checkNode(ctx context.Context, p *pooldef.Pool, r *row) error {
	if b.hasDevice(p, r.name) {
		return nil
	}
	if host.Settle(ctx, b.Host); b.hasDevice(p, r.name) {
		return nil
	}
	return &backend.StateError{
		Text: fmt.Sprintf("the volume has no device at %q", path(p, r.name)),
		Hint: "zfs get volmode -- " + shell.Quote(key(p, r.name)) + " shows whether it should have one",
	}
}

// Locate implements backend.Locator. It finds a volume by its full name in ZFS, by /dev/zvol/DATASET/NAME,
// and by any path to its device.
func (b *Backend) Locate(_ context.Context, p *pooldef.Pool, pathOrKey string) (string, bool) {
	parent, err := dataset(p)
	if err != nil {
		return "", false
	}
	if name, ok := inDataset(parent, pathOrKey); ok {
		return name, true
	}
	place, err := filepath.Abs(pathOrKey)
	if err != nil || pathOrKey == "" {
		return "", false
	}
	if key, ok := strings.CutPrefix(place, zvols); ok {
		return inDataset(parent, strings.ReplaceAll(key, "+", " "))
	}
	return inDataset(parent, b.Host.Zvol(place))
}

// inDataset returns the name of a volume within its dataset, given the full name.
func inDataset(parent, key string) (string, bool) {
	name, ok := strings.CutPrefix(key, parent+"/")
	if !ok || !isPart(name) || tempNames.Match(name) {
		return "", false
	}
	return name, true
}
