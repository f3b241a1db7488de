package commands

import (
	"fmt"
	"strings"
	"time"

	"poolctl/backend/driver"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// snapshotFields are the names of a snapshot's fields in machine-readable output. They are stable.
var snapshotFields = []string{"name", "volume", "created", "capacity", "allocation"}

// snapshotValues returns the values of snapshotFields.
func snapshotValues(s *pooldef.Snapshot) []any {
	return []any{s.Name, s.Volume, utc(s.Created), sizeOrNull(s.Capacity), sizeOrNull(s.Allocation)}
}

// snapshotTime formats the time of a snapshot for people, as virsh's snapshot-list does.
func snapshotTime(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.Format("2006-01-02 15:04:05 -0700")
}

// printSnapshots prints snapshots. For people, it leaves out the volume unless ofPool is set.
func (e *env) printSnapshots(o *output, all []*pooldef.Snapshot, ofPool bool) error {
	if o.isForPeople() {
		header, first := []string{"Volume", "Snapshot", "Created", "Capacity", "Allocation"}, 1
		if ofPool {
			first = 0
		}
		var rows [][]string
		for _, s := range all {
			row := []string{s.Volume, s.Name, snapshotTime(s.Created), volumeSize(s.Capacity, false),
				volumeSize(s.Allocation, false)}
			rows = append(rows, row[first:])
		}
		return e.Table(header[first:], rows)
	}
	records := o.records(e, "snapshots", snapshotFields)
	for _, s := range all {
		if err := records.add(snapshotValues(s)); err != nil {
			return err
		}
	}
	return records.close()
}

// checkSnapshotStyle returns an error for a style that lists of snapshots do not have.
func (o *output) checkSnapshotStyle() error {
	if o.Output == "xml" {
		return &usageError{text: "snapshots have no XML documents: use -o json, jsonl, yaml, csv or name"}
	}
	return o.pick(snapshotFields)
}

// snapshotArgs name a snapshot.
type snapshotArgs struct {
	Vol      string `arg:"" help:"Name, key or path of the volume."`
	Snapshot string `arg:"" help:"Name of the snapshot."`
	Pool     string `position:"" placeholder:"POOL" help:"Name or uuid of the volume's pool. Required with a name, not with a path."`
}

// withVolume calls work with the volume. Errors begin with what, such as "create".
func (a *snapshotArgs) withVolume(e *env, what string, work func(v *driver.Volume) error) error {
	v, err := e.driver.FindVolume(e.ctx, a.Vol, a.Pool)
	if err == nil {
		defer v.Unlock()
		err = work(v)
	}
	if err != nil {
		return fmt.Errorf("%s snapshot %q of volume %q: %w", what, a.Snapshot, a.Vol, err)
	}
	return nil
}

// reportSnapshot notes the snapshot of a volume with a name, or planned if a dry run has not created it.
func (e *env) reportSnapshot(v *driver.Volume, name string) {
	if e.changes == nil {
		return
	}
	s, err := e.driver.FindSnapshot(e.ctx, v, name)
	if err != nil {
		s = &pooldef.Snapshot{Volume: v.Name, Name: name}
	}
	e.changes.snapshots = append(e.changes.snapshots, s)
}

// snapshotsHint returns the command that lists the snapshots of the verb's volume, or says how the name that
// was given becomes a pattern.
func (e *env) snapshotsHint() string {
	line := selectedVerb{e.command.Selected()}
	if name, _ := line.value("snapshot"); e.verb == "vol-snapshot-delete" && strings.ContainsAny(name, "*?[") {
		return "--keep or --keep-within makes a pattern of it"
	}
	hint := "poolctl vol-snapshot-list"
	for _, name := range []string{"vol", "pool"} {
		if value, _ := line.value(name); value != "" {
			hint += " " + shell.Quote(value)
		}
	}
	return hint
}
