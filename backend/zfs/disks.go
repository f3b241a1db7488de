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

// partitions returns the nodes of a disk's partitions. ZFS divides a whole disk into partition 1 for the
// zpool and partition 9 as a reserve, and then finds the zpool on partition 1 (zpoolconcepts(7)).
func (b *Backend) partitions(device string) []string {
	disk := filepath.Base(b.Host.Canonical(device))
	found, _ := fs.Glob(b.Host.Sys(), "block/"+disk+"/"+disk+"*/partition")
	var nodes []string
	for _, f := range found {
		nodes = append(nodes, "/dev/"+filepath.Base(filepath.Dir(f)))
	}
	return nodes
}

// clearLabels removes ZFS's labels, which would otherwise remain, from the devices that the definition names,
// and removes the partitions that ZFS created. ZFS does not clear labels of a zpool that was not destroyed.
func (b *Backend) clearLabels(ctx context.Context, p *pooldef.Pool) error {
	var errs []error
	for _, d := range blockvol.Sources(p) {
		parts, cleared := b.partitions(d), false
		for _, node := range append(slices.Clone(parts), d) {
			found, err := host.Signatures(ctx, b.Host, node)
			if err == nil && slices.ContainsFunc(
				found, func(s host.Signature) bool { return s.Type == "zfs_member" },
			) {
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
