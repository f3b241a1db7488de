package zfs

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// RevertToSnapshot implements backend.Reverter. ZFS destroys later snapshots
// and bookmarks, and stops at the first that it cannot destroy, so one of these is an error before.
func (b *Backend) RevertToSnapshot(
	ctx context.Context, p *pooldef.Pool, volume, name string, o backend.RevertOptions,
) error {
	_, later, err := b.findSnapshot(ctx, p, volume, name)
	if err == nil {
		err = cmp.Or(checkNoClones(later), checkNoHolds(p, later))
	}
	if err != nil {
		return err
	}
	bookmarks, err := b.laterBookmarks(ctx, p, volume, name)
	if err != nil {
		return err
	}
	lost := append(namesOf(later), bookmarks...)
	args := []string{"rollback"}
	if len(lost) > 0 {
		args = append(args, "-r")
	}
	if len(lost) > 0 && !o.DestroyLater {
		return &backend.StateError{
			Text: "ZFS would destroy the later snapshots: " + strings.Join(lost, ", "),
			Hint: "--destroy-later permits it; vol-snapshot-clone gets the data without it",
		}
	}
	if err := b.checkNotInUse(p, volume); err != nil {
		return err
	}
	err = b.change(ctx, p, zfs(append(args, "--", snapshotKey(p, volume, name))...))
	host.Settle(context.WithoutCancel(ctx), b.Host)
	return err
}

// laterBookmarks returns the names, each with its #, of the bookmarks of a volume that are newer than a
// snapshot.
func (b *Backend) laterBookmarks(
	ctx context.Context, p *pooldef.Pool, volume, name string,
) (later []string, err error) {
	const fields = "name,createtxg"
	out, err := b.query(ctx, p.Source.Name, host.Cmd(
		"zfs", "list", "-Hp", "-d", "1", "-t", "snapshot,bookmark", "-o", fields, "--", key(p, volume),
	))
	if err != nil {
		return nil, mapErrNotFound(err, volume)
	}
	made := map[string]uint64{}
	var bookmarks []string
	for line := range strings.Lines(string(out)) {
		full, txg, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		made[full], err = strconv.ParseUint(txg, 10, 64)
		if err != nil {
			return nil, &backend.AnswerError{Tool: tool, Field: "createtxg", Text: txg}
		}
		if strings.HasPrefix(full, key(p, volume)+"#") {
			bookmarks = append(bookmarks, full)
		}
	}
	for _, full := range bookmarks {
		if made[full] > made[snapshotKey(p, volume, name)] {
			later = append(later, strings.TrimPrefix(full, key(p, volume)))
		}
	}
	return later, nil
}

// checkNoHolds returns an error that names the snapshots that zfs hold keeps.
func checkNoHolds(p *pooldef.Pool, all []*volumeSnapshot) error {
	var held, keys []string
	for _, s := range all {
		if s.held {
			held = append(held, s.Name)
			keys = append(keys, shell.Quote(snapshotKey(p, s.Volume, s.Name)))
		}
	}
	if len(held) == 0 {
		return nil
	}
	return &backend.StateError{
		Text: "a hold keeps these snapshots: " + strings.Join(held, ", "),
		Hint: "zfs holds -- " + strings.Join(keys, " ") + " shows the holds; zfs release ends one",
	}
}
