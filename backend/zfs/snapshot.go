package zfs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// A volumeSnapshot is a snapshot of a volume as zfs list reports it.
type volumeSnapshot struct {
	pooldef.Snapshot
	clones []string // full names of datasets
	held   bool     // by zfs hold, which prevents its destruction
}

// isTemp reports whether the snapshot was made for a clone, and is marked for deferred destruction.
func (s *volumeSnapshot) isTemp() bool { return tempNames.Match(s.Name) }

// Snapshots implements backend.Snapshotter. The allocation of a snapshot is the space that only it uses.
func (b *Backend) Snapshots(
	ctx context.Context, p *pooldef.Pool, volume string,
) ([]*pooldef.Snapshot, error) {
	found, err := b.snapshots(ctx, p, volume)
	var all []*pooldef.Snapshot
	for _, s := range found {
		if !s.isTemp() {
			all = append(all, &s.Snapshot)
		}
	}
	return all, err
}

// snapshotFields lists the queried properties of snapshots (zfsprops(7)).
const snapshotFields = "name,creation,used,volsize,clones,userrefs"

// snapshots queries the snapshots of a volume, or of all volumes of the pool's dataset if volume is empty, by
// age. The listing includes datasets, so that it is never empty (see attempts).
func (b *Backend) snapshots(ctx context.Context, p *pooldef.Pool, volume string) ([]*volumeSnapshot, error) {
	at, err := dataset(p)
	depth := "2"
	if err == nil && volume != "" {
		_, _, err = b.find(ctx, p, volume)
		at, depth = key(p, volume), "1"
	}
	if err != nil {
		return nil, err
	}
	out, err := b.listSome(ctx, p.Source.Name, host.Cmd(
		"zfs", "list", "-Hp", "-d", depth, "-t", "filesystem,volume,snapshot", "-o", snapshotFields,
		"-s", "createtxg", "--", at,
	))
	if err != nil {
		return nil, mapErrNotFound(err, volume)
	}
	var all []*volumeSnapshot
	for line := range strings.Lines(string(out)) {
		s, err := parseSnapshot(p.Source.Name, strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, err
		}
		if s != nil {
			all = append(all, s)
		}
	}
	return all, nil
}

// parseSnapshot parses a line of zfs list. It returns nil for what is not a snapshot of a volume.
func parseSnapshot(dataset, line string) (*volumeSnapshot, error) {
	f := strings.Split(line, "\t")
	if len(f) != strings.Count(snapshotFields, ",")+1 {
		return nil, fmt.Errorf("zfs list says %.200q", line)
	}
	if !isIn(dataset, f[0]) {
		return nil, &backend.AnswerError{Tool: tool, Field: "name", Text: f[0]}
	}
	child, isBelow := strings.CutPrefix(f[0], dataset+"/")
	volume, name, isSnapshot := strings.Cut(child, "@")
	if !isBelow || !isSnapshot || !isPart(volume) || tempNames.Match(volume) || f[3] == "-" {
		return nil, nil
	}
	seconds, err := strconv.ParseInt(f[1], 10, 64)
	if err != nil {
		return nil, &backend.AnswerError{Tool: tool, Field: "creation", Text: f[1]}
	}
	used, usedErr := backend.ParseSize(tool, "used", f[2])
	size, sizeErr := backend.ParseSize(tool, "volsize", f[3])
	s := &volumeSnapshot{Snapshot: pooldef.Snapshot{
		Volume: volume, Name: name, Created: time.Unix(seconds, 0),
		Capacity: pooldef.Bytes(size), Allocation: pooldef.Bytes(used),
	}, held: f[5] != "0" && f[5] != "-"}
	if f[4] != "" && f[4] != "-" {
		s.clones = strings.Split(f[4], ",")
	}
	return s, errors.Join(usedErr, sizeErr)
}

func namesOf(all []*volumeSnapshot) (names []string) {
	for _, s := range all {
		names = append(names, s.Name)
	}
	return names
}

// findSnapshot returns a snapshot of a volume and the later ones.
func (b *Backend) findSnapshot(
	ctx context.Context, p *pooldef.Pool, volume, name string,
) (s *volumeSnapshot, later []*volumeSnapshot, err error) {
	all, err := b.snapshots(ctx, p, volume)
	if err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(all, func(s *volumeSnapshot) bool { return s.Name == name && !s.isTemp() })
	if i < 0 {
		return nil, nil, backend.NoSnapshot(volume, name)
	}
	return all[i], all[i+1:], nil
}

// snapshotKey returns the full name of a snapshot in ZFS.
func snapshotKey(p *pooldef.Pool, volume, name string) string { return key(p, volume) + "@" + name }
