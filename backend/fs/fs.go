// Package fs manages pools of type fs: a file system on a block device. Building a pool can format the
// device, starting mounts it. Volumes are files (package filevol).
package fs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/filevol"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Backend manages pools of type fs.
type Backend struct{ filevol.Mounted }

// New returns the backend.
func New(h host.Host, s backend.Secrets) *Backend {
	b := &Backend{filevol.Mounted{Files: filevol.Files{Host: h, Secrets: s, Mounts: true}}}
	b.IsSource = b.isSource
	return b
}

// kernelNames are the formats whose kernel name differs. With auto, mount(8) detects the format.
var kernelNames = map[string]string{"auto": "", "hfs+": "hfsplus"}

// Dependencies implements backend.Dependent. A tag is replaced by udev's link for it.
func (b *Backend) Dependencies(p *pooldef.Pool) backend.Dependencies {
	d := b.Mounted.Dependencies(p)
	for _, device := range p.Source.Devices {
		d.Devices = append(d.Devices, tagLink(device.Path))
	}
	return d
}

// Start implements backend.Starter. A file system on the disk of a server is mounted with _netdev (mount(8)),
// so that systemd unmounts it before the network is stopped.
func (b *Backend) Start(ctx context.Context, p *pooldef.Pool) error {
	device, err := b.device(ctx, p)
	if err != nil {
		return err
	}
	format, other := kernelNames[p.Source.Format]
	if !other {
		format = p.Source.Format
	}
	number, err := b.Host.DeviceNumber(device)
	if err != nil {
		return err
	}
	var options []string
	if isOnNetwork(b.Host.Sys(), number) {
		options = []string{"_netdev"}
	}
	return b.translateError(ctx, p, device, b.Mount(ctx, p, device, format, options))
}

// translateError converts an error of mount(8) into one that says what is wrong with the device, if that is
// the reason.
func (b *Backend) translateError(ctx context.Context, p *pooldef.Pool, device string, err error) error {
	exit, ok := errors.AsType[*host.ExitError](err)
	if !ok || exit.Status < 0 {
		return err
	}
	if strings.Contains(exit.Stderr, "unknown filesystem type") && p.Source.Format != "auto" {
		return &backend.UnsupportedError{Type: p.Type,
			What: "the format " + p.Source.Format + " on this machine: its kernel does not know it"}
	}
	found, cannot := host.Signatures(ctx, b.Host, device)
	if cannot != nil {
		return err
	}
	if !hasFormat(found, p.Source.Format) {
		return &backend.ContentError{Pool: p.Name, Device: device, Holds: host.Words(found),
			Want: p.Source.Format}
	}
	return err
}

// hasFormat reports whether a device with these signatures has a file system of a pool's format.
func hasFormat(found []host.Signature, format string) bool {
	want := cmp.Or(kernelNames[format], format) // blkid uses the kernel's names, too
	return slices.ContainsFunc(found, func(s host.Signature) bool { return s.Type == want || want == "auto" })
}

// device returns the path of the pool's device, which must exist. UUID=, LABEL= and similar tags are resolved
// as by mount(8).
func (b *Backend) device(ctx context.Context, p *pooldef.Pool) (string, error) {
	if err := b.CheckDefinition(p); err != nil {
		return "", err
	}
	path := p.Source.Devices[0].Path
	if isTag(path) {
		out, err := b.Host.Query(ctx, host.Cmd("findfs", path))
		if exit, ok := errors.AsType[*host.ExitError](err); ok && exit.Status == 1 {
			err = fmt.Errorf("no device has %s: %w", path, iofs.ErrNotExist)
		}
		if err != nil {
			return "", err
		}
		path = strings.TrimSuffix(string(out), "\n")
	}
	_, err := b.Host.DeviceNumber(path)
	return path, err
}

// CheckDefinition implements backend.DefinitionChecker.
func (b *Backend) CheckDefinition(p *pooldef.Pool) error {
	if len(p.Source.Devices) != 1 {
		return pooldef.Problems{{Element: "source/device",
			Text: fmt.Sprintf("%d devices are given; a pool of type fs has one", len(p.Source.Devices))}}
	}
	if path := p.Source.Devices[0].Path; !isTag(path) && !filepath.IsAbs(path) {
		return pooldef.Problems{{Element: "source/device/@path",
			Text: fmt.Sprintf("%q is not the path of a device", path)}}
	}
	return nil
}

// isSource compares devices by number. If both devices are gone, the mount counts as the pool's, so that the
// pool can be stopped.
func (b *Backend) isSource(ctx context.Context, p *pooldef.Pool, m *host.Mount) (bool, error) {
	device, err := b.device(ctx, p)
	if errors.Is(err, iofs.ErrNotExist) {
		_, err := b.Host.DeviceNumber(m.Source)
		return errors.Is(err, iofs.ErrNotExist), nil
	}
	if err != nil {
		return false, err
	}
	number, err := b.Host.DeviceNumber(device)
	if number == m.Number || err != nil {
		return err == nil, err
	}
	mounted, err := b.Host.DeviceNumber(m.Source) // btrfs mounts have device numbers of their own
	return err == nil && mounted == number, nil
}
