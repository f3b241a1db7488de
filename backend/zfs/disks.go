package zfs

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/backend/blockvol"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// partitions are the nodes of a disk's partitions. A disk that ZFS gets as a whole it divides into two, 1 for the zpool and 9 as a reserve,
// and then knows the zpool by the first (zpoolconcepts(7)).
func (b *Backend) partitions(device string) []string {
	disk := filepath.Base(b.Host.Canonical(device))
	found, _ := fs.Glob(b.Host.Sys(), "block/"+disk+"/"+disk+"*/partition")
	var nodes []string
	for _, f := range found {
		nodes = append(nodes, "/dev/"+filepath.Base(filepath.Dir(f)))
	}
	return nodes
}

// clearLabels removes ZFS's labels from the devices that the definition names, which would be found there for ever, and the partitions that
// ZFS has made. The labels of a zpool that has not been destroyed ZFS does not clear.
func (b *Backend) clearLabels(ctx context.Context, p *pooldef.Pool) error {
	var errs []error
	for _, d := range blockvol.Sources(p) {
		parts, cleared := b.partitions(d), false
		for _, node := range append(slices.Clone(parts), d) {
			found, err := host.Signatures(ctx, b.Host, node)
			if err == nil && slices.ContainsFunc(found, func(s host.Signature) bool { return s.Type == "zfs_member" }) {
				err, cleared = b.Host.Change(ctx, host.Cmd("zpool", "labelclear", "--", node)), true
			}
			errs = append(errs, err)
		}
		if cleared && len(parts) == 2 && strings.HasSuffix(parts[0], "1") && strings.HasSuffix(parts[1], "9") {
			errs = append(errs, b.Host.Change(ctx, host.Cmd("wipefs", "--all", "--quiet", "--", d)))
		}
	}
	return errors.Join(errs...)
}
