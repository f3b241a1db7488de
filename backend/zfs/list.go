package zfs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"poolctl/backend"
	"poolctl/backend/check"
	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// fields lists the queried properties of datasets (zfsprops(7)).
const fields = "name,type,guid,volsize,volblocksize,refreservation,used,available,origin,mountpoint," +
	"volmode,creation"

// A row is a line of zfs list. Properties that do not apply are empty or 0.
type row struct {
	name       string // of a child: relative to the pool's dataset; of that dataset itself: the full name
	kind       string // filesystem, volume, snapshot
	guid       string
	size       uint64
	block      uint64 // the unit of size, in bytes
	reserved   uint64
	used       uint64 // including reservations and snapshots
	available  uint64
	origin     string // the origin of a clone, a snapshot
	mountpoint string
	volmode    string // "none": volumes have no devices
	created    uint64 // in seconds since 1970
}

// isVolume reports whether the row is a complete volume.
func (r *row) isVolume() bool { return r.kind == "volume" && !tempNames.Match(r.name) }

// A listing is a dataset and its children.
type listing struct {
	row
	children []*row
}

// The states of a zpool that has all devices, of one that lacks a redundant device, and of one that waits for
// failed devices. Any other state is that of a zpool that lacks devices that it needs.
const (
	onlineState   = "ONLINE"
	degradedState = "DEGRADED"
	suspended     = "SUSPENDED"
)

// stateOf returns the kernel's state of a dataset's zpool, such as ONLINE or DEGRADED, or "" if it is not
// imported.
func stateOf(d host.Devices, dataset string) string {
	return host.ReadSys(d.Proc(), "spl/kstat/zfs", zpool(dataset), "state")
}

// checkUsable returns an error if a zpool is not imported or is suspended.
func (b *Backend) checkUsable(dataset string) error {
	name := zpool(dataset)
	switch stateOf(b.Host, name) {
	case "":
		return &backend.StateError{
			Text: fmt.Sprintf("the zpool %q is not imported", name),
			Hint: "zpool import -- " + shell.Quote(name),
		}
	case suspended:
		return suspendedError(name)
	}
	return nil
}

func suspendedError(name string) error {
	return &check.Error{ID: "zpool", Object: name, State: suspended, Err: &backend.StateError{
		Text: fmt.Sprintf("the zpool %q is suspended: it waits for failed devices", name),
		Hint: fmt.Sprintf(
			"zpool status -- %s shows them; zpool clear -- %[1]s resumes it when they are back", shell.Quote(name),
		),
	}}
}

// list queries a pool's dataset and its children with one command.
func (b *Backend) list(ctx context.Context, p *pooldef.Pool) (*listing, error) {
	return b.listTypes(ctx, p, "filesystem,volume")
}

// attempts is the number of times that zfs list is run if it succeeds without output. OpenZFS 2.1.11 does
// that sometimes while other processes create and destroy datasets.
const attempts = 5

// listSome runs zfs list, which must print something.
func (b *Backend) listSome(ctx context.Context, dataset string, list host.Command) (out []byte, err error) {
	for range attempts {
		if out, err = b.query(ctx, dataset, list); err != nil || len(out) > 0 {
			break
		}
	}
	return out, err
}

func (b *Backend) listTypes(ctx context.Context, p *pooldef.Pool, types string) (*listing, error) {
	name, err := dataset(p)
	if err != nil {
		return nil, err
	}
	out, err := b.listSome(
		ctx, name, host.Cmd("zfs", "list", "-Hp", "-d", "1", "-t", types, "-o", fields, "--", name),
	)
	if host.StderrContains(err, "dataset does not exist") {
		return nil, &backend.StateError{
			Text: fmt.Sprintf("no dataset %q", name),
			Hint: "poolctl pool-build " + shell.Quote(p.Name),
		}
	}
	if err != nil {
		return nil, err
	}
	return parse(name, string(out))
}

// query runs a query about a dataset, and returns an error if ZFS does not answer within the timeout.
func (b *Backend) query(ctx context.Context, dataset string, c host.Command) ([]byte, error) {
	if err := errors.Join(ctx.Err(), b.checkUsable(dataset)); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	c.Cacheable = true
	out, err := b.Host.Query(limited, c)
	if backend.IsTimeout(ctx, err) {
		if state := b.checkUsable(dataset); state != nil {
			return nil, state
		}
		err = &backend.TimeoutError{Text: fmt.Sprintf("the zpool %q does not answer", zpool(dataset))}
	}
	if host.StderrContains(err, "pool I/O is currently suspended") {
		err = b.stateError(dataset)
	}
	return out, err
}

// stateError returns the error about a zpool whose I/O is suspended. With failmode=continue (zpoolprops(7)),
// the kernel's state is not SUSPENDED: it stays ONLINE until ZFS looks for the devices, and is then UNAVAIL.
func (b *Backend) stateError(dataset string) error {
	name := zpool(dataset)
	state := stateOf(b.Host, name)
	if state == onlineState || state == degradedState || state == suspended {
		return suspendedError(name)
	}
	return &check.Error{ID: "zpool", Object: name, State: state, Err: &backend.StateError{
		Text: fmt.Sprintf("the zpool %q is in the state %s: devices have failed", name, state),
		Hint: "zpool status -- " + shell.Quote(name),
	}}
}

// parse parses the output of zfs list for a dataset.
func parse(dataset, out string) (*listing, error) {
	var l *listing
	seen := map[string]bool{}
	for line := range strings.Lines(out) {
		r, err := parseRow(dataset, strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, err
		}
		if seen[r.name] {
			const field = "name, which it has reported before"
			return nil, &backend.AnswerError{Tool: tool, Field: field, Text: r.name}
		}
		seen[r.name] = true
		name, isChild := strings.CutPrefix(r.name, dataset+"/")
		switch {
		case r.name == dataset && l == nil:
			l = &listing{row: *r}
		case l == nil:
			return nil, fmt.Errorf("zfs list does not begin with %q: %q", dataset, line)
		default:
			if isChild {
				r.name = name
			}
			l.children = append(l.children, r)
		}
	}
	if l == nil {
		return nil, fmt.Errorf("zfs list says nothing of %q", dataset)
	}
	if l.kind != "filesystem" {
		return nil, &backend.StateError{
			Text: fmt.Sprintf("%q is a %s, which contains no volumes", dataset, l.kind),
		}
	}
	return l, nil
}

const tool = "zfs list"

// parseRow parses a line. An impossible value is an AnswerError.
func parseRow(dataset, line string) (*row, error) {
	f, names := strings.Split(line, "\t"), strings.Split(fields, ",")
	if len(f) != len(names) {
		return nil, fmt.Errorf("zfs list says %.200q", line)
	}
	var err error
	check := func(i int, is bool) {
		if !is && err == nil {
			err = &backend.AnswerError{Tool: tool, Field: names[i], Text: f[i]}
		}
	}
	for i := range f {
		check(i, backend.IsPlain(f[i]))
		if f[i] == "-" {
			f[i] = ""
		}
	}
	number := func(i int) uint64 {
		if f[i] == "" || f[i] == "none" {
			return 0
		}
		n, wrong := backend.ParseSize(tool, names[i], f[i])
		check(i, wrong == nil)
		return n
	}
	r := &row{name: f[0], kind: f[1], guid: f[2], size: number(3), block: number(4), reserved: number(5),
		used: number(6), available: number(7), origin: f[8], mountpoint: f[9], volmode: f[10], created: number(11)}
	child, isChild := strings.CutPrefix(r.name, dataset+"/")
	check(0, isIn(dataset, r.name) && (r.kind == "snapshot" || r.name == dataset || isChild && isPart(child)))
	check(4, r.kind != "volume" || r.block > 0 && r.block&(r.block-1) == 0)
	check(7, backend.CheckSizes(tool, names[7], r.used, r.available) == nil)
	check(8, r.origin == "" || isSnapshot(r.origin))
	return r, err
}
